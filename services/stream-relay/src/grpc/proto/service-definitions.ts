import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type Options, type ServiceDefinition as LoadedService } from '@grpc/proto-loader';

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
