import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import {
  loadSync,
  type Options,
  type PackageDefinition,
  type ServiceDefinition as LoadedService,
} from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import descriptor, {
  type IDescriptorProto,
  type IFieldDescriptorProto,
  type IFileDescriptorProto,
} from 'protobufjs/ext/descriptor/index.js';

/** Folder of the `.proto` files, from which their imports count. */
export const PROTO_FOLDER = fileURLToPath(new URL('../../../../../proto/', import.meta.url));

/** Files that hold a service; they import the rest. */
export const PROTO_FILES = ['transcription', 'jobs', 'sessions'].map((name) => `murmuration/v1/${name}.proto`);

/** As `packages/contracts/src/grpc.ts` has the messages. */
const DECODED: Options = { includeDirs: [PROTO_FOLDER], longs: Number, enums: String, defaults: true, oneofs: true };

/** What a request is decoded to whose bytes are none of its type. */
export const MALFORMED = Symbol('malformed');

/** A service of `murmuration.v1` by its name, ready for the server. */
export type ServiceName = 'Transcription' | 'Jobs' | 'Sessions';

/** Reads the contract. A request that cannot be decoded comes out as `MALFORMED`, so that it is refused like any other. */
export function serviceDefinitions(): Readonly<Record<ServiceName, ServiceDefinition>> {
  const loaded = loadSync(PROTO_FILES, DECODED);
  const tolerant = (name: ServiceName): ServiceDefinition =>
    Object.fromEntries(
      Object.entries(loaded[`murmuration.v1.${name}`] as LoadedService).map(([method, definition]) => [
        method,
        { ...definition, requestDeserialize: orMalformed(definition.requestDeserialize) },
      ]),
    );
  return { Transcription: tolerant('Transcription'), Jobs: tolerant('Jobs'), Sessions: tolerant('Sessions') };
}

function orMalformed(deserialize: (bytes: Buffer) => object): (bytes: Buffer) => unknown {
  return (bytes) => {
    try {
      return deserialize(bytes);
    } catch {
      return MALFORMED;
    }
  };
}

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
