import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import descriptor, {
  type IDescriptorProto,
  type IFieldDescriptorProto,
  type IFileDescriptorProto,
} from 'protobufjs/ext/descriptor/index.js';
import { PROTO_FILES, PROTO_FOLDER } from './service-definitions.js';

/** Everything that reflection tells of: our services with the names that the files have, and the health service. */
export function describedPackage(): PackageDefinition {
  const asWritten = { includeDirs: [PROTO_FOLDER], keepCase: true };
  const loaded: PackageDefinition = { ...loadSync(PROTO_FILES, asWritten), ...loadSync(healthProto, asWritten) };
  return Object.fromEntries(
    Object.entries(loaded).map(([name, definition]) => {
      const files = definition['fileDescriptorProtos'];
      return [
        name,
        Array.isArray(files)
          ? ({ ...definition, fileDescriptorProtos: files.map(mended) } as typeof definition)
          : definition,
      ];
    }),
  );
}

/** protobufjs writes and reads it, but its types leave it out. */
interface Field extends IFieldDescriptorProto {
  proto3Optional?: boolean;
}

/**
 * A file's descriptor as other implementations want it. protobufjs 7.6 writes them without three things that protoc writes, and clients of Go refuse a map
 * without the first: the name of a map's entries (`StatusesEntry`), that a field is `optional`, and the names in JSON.
 */
function mended(bytes: Buffer): Buffer {
  const file = descriptor.FileDescriptorProto.decode(bytes) as IFileDescriptorProto;
  for (const message of file.messageType ?? []) mendMessage(message);
  return Buffer.from(descriptor.FileDescriptorProto.encode(file).finish());
}

function mendMessage(message: IDescriptorProto): void {
  for (const field of (message.field ?? []) as Field[]) {
    field.jsonName = camelCase(field.name ?? '');
    if (
      field.oneofIndex !== undefined &&
      Object.hasOwn(field, 'oneofIndex') &&
      message.oneofDecl?.[field.oneofIndex]?.name === `_${field.name ?? ''}`
    )
      field.proto3Optional = true;
    nameEntries(message, field);
  }
  for (const inner of message.nestedType ?? []) mendMessage(inner);
}

function nameEntries(message: IDescriptorProto, field: IFieldDescriptorProto): void {
  const entry = message.nestedType?.find(
    ({ name, options }) =>
      options?.mapEntry === true && name !== undefined && field.typeName?.split('.').at(-1) === name,
  );
  if (entry?.name === undefined) return;
  const camel = camelCase(field.name ?? '');
  const wanted = `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`;
  field.typeName = `${field.typeName?.slice(0, -entry.name.length) ?? ''}${wanted}`;
  entry.name = wanted;
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
