import { join } from 'node:path';
import protobuf from 'protobufjs';
import { PROTO_FILES, PROTO_FOLDER } from '../proto/service-definitions.js';

const HEADER = `/*
 * The messages of proto/murmuration/v1 as they are decoded: written by scripts/proto-types.mjs, not by hand.
 * A \`oneof\` is told by the property of its name, which says which of its fields is there. An enum may hold a number that this version does not know.
 */
`;

/** The TypeScript of \`packages/contracts/src/grpc.ts\`: a type for every message and enum, and for every service what its methods take and give. */
export function messageTypes(): string {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => join(PROTO_FOLDER, target);
  root.loadSync(PROTO_FILES, { alternateCommentMode: true }).resolveAll();
  const parts = root.lookup('murmuration.v1');
  if (!(parts instanceof protobuf.Namespace)) throw new Error('the package murmuration.v1 is not there');
  const texts = parts.nestedArray.map((part) => {
    if (part instanceof protobuf.Type) return messageType(part);
    if (part instanceof protobuf.Enum) return enumType(part);
    if (part instanceof protobuf.Service) return serviceType(part);
    throw new Error(`${part.name}: neither message, enum nor service`);
  });
  return [HEADER, ...texts].join('\n');
}

function messageType(type: protobuf.Type): string {
  const choices = type.oneofsArray.filter((choice) => !choice.isProto3Optional);
  const plain = type.fieldsArray.filter((field) => field.partOf === null || field.partOf.isProto3Optional);
  if (choices.length === 0) {
    return plain.length === 0
      ? `${doc(type, '')}export type ${type.name} = Readonly<Record<string, never>>;\n`
      : `${doc(type, '')}export interface ${type.name} {\n${plain.map(fieldLine).join('')}}\n`;
  }
  const unions = choices.map((choice) => {
    const members = choice.fieldsArray.map(
      (field) =>
        `\n${doc(field, '  ')}  | { readonly ${choice.name}: '${field.name}'; readonly ${field.name}: ${fieldType(field)} }`,
    );
    return `(${members.join('')}\n  | { readonly ${choice.name}?: undefined }\n)`;
  });
  const base = plain.length === 0 ? [] : [`{\n${plain.map(fieldLine).join('')}}`];
  return `${doc(type, '')}export type ${type.name} = ${[...base, ...unions].join(' & ')};\n`;
}

function fieldLine(field: protobuf.Field): string {
  const mayBeUnset = !field.repeated && (field.resolvedType instanceof protobuf.Type || field.partOf !== null);
  return `${doc(field, '  ')}  readonly ${field.name}${mayBeUnset ? '?' : ''}: ${fieldType(field)}${mayBeUnset ? ' | null | undefined' : ''};\n`;
}

function fieldType(field: protobuf.Field): string {
  const one = field.resolvedType?.name ?? SCALARS[field.type];
  if (one === undefined)
    throw new Error(`${field.fullName}: the type ${field.type} is not used elsewhere; say what it is in TypeScript`);
  return field.repeated ? `readonly ${one}[]` : one;
}

const SCALARS: Readonly<Record<string, string>> = {
  string: 'string',
  bytes: 'Uint8Array',
  bool: 'boolean',
  double: 'number',
  uint32: 'number',
  uint64: 'number',
  int64: 'number',
};

function enumType(type: protobuf.Enum): string {
  return `${doc(type, '')}export type ${type.name} = ${[...Object.keys(type.values).map((name) => `'${name}'`), 'number'].join(' | ')};\n`;
}

function serviceType(service: protobuf.Service): string {
  const methods = service.methodsArray.map((method) => {
    const kind =
      method.requestStream === true
        ? method.responseStream === true
          ? 'bidi'
          : 'client'
        : method.responseStream === true
          ? 'server'
          : 'unary';
    return `${doc(method, '  ')}  readonly ${method.name}: { readonly kind: '${kind}'; readonly request: ${method.requestType}; readonly response: ${method.responseType} };\n`;
  });
  return `${doc(service, '')}export interface ${service.name}Methods {\n${methods.join('')}}\n`;
}

function doc(part: protobuf.ReflectionObject, indent: string): string {
  return part.comment === null ? '' : `${indent}/** ${part.comment.replaceAll(/\s*\n\s*/g, ' ')} */\n`;
}
