import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';
import { OnnxError, statusCode } from '../onnx-error.js';
import { pinLibrary, WINDOWS } from './system-library.js';
import { API_TABLE, API_VERSION, LIBRARY_VERSION, type Api, type Handle } from './api-table.js';

/** How the kinds of arguments and results of the table look in C. */
const C_TYPES = {
  handle: 'void *',
  memory: 'void *',
  out: 'void *',
  size: 'size_t',
  int: 'int',
  text: 'str',
  texts: 'const char **',
  path: WINDOWS ? 'str16' : 'str',
  status: 'void *',
  void: 'void',
} as const;

type CFunction = KoffiFunc<(...given: unknown[]) => unknown>;

/** A library that fits, with its functions. One a thread and file; it stays loaded as long as the process. */
export interface NativeLibrary {
  readonly path: string;
  readonly api: Api;
  /** Of the whole process, as the runtime keeps it; the first to ask sets its log level. */
  readonly environment: Handle;
  /** The runtime's allocator of host memory for names and lists. */
  readonly allocator: Handle;
  /** A description of host memory; as long as the thread. */
  readonly hostMemory: Handle;
  /** `RunWithBinding` on a thread of libuv's pool. */
  runInPool(session: Handle, runOptions: Handle | null, binding: Handle): Promise<void>;
}

/** Where the library of the installed onnxruntime-node lies; throws `library_missing` where there is none for this system. */
export function shippedLibrary(): string {
  const name = WINDOWS
    ? 'onnxruntime.dll'
    : process.platform === 'darwin'
      ? `libonnxruntime.${LIBRARY_VERSION}.dylib`
      : 'libonnxruntime.so.1';
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return join(folder, 'bin', 'napi-v6', process.platform, process.arch, name);
}

const loaded = new Map<string, NativeLibrary>();

/** Libraries by their handles: one whose handle is garbage is unloaded, and the next call of a function of it ends the process. */
const held: LibraryHandle[] = [];

/**
 * Loads the runtime's library, once a thread.
 * Throws `library_missing`, `symbol_missing` or `library_version`, each in a sentence that names the file.
 * @param version that it must have, to the patch
 */
export function loadNativeLibrary(path = shippedLibrary(), version = LIBRARY_VERSION): NativeLibrary {
  const known = loaded.get(path);
  if (known !== undefined && version === LIBRARY_VERSION) return known;
  const { getApi, found } = openLibrary(path);
  if (found !== version)
    throw new OnnxError(
      'library_version',
      `the runtime's library ${path} is version ${found}, this build needs ${version}: install exactly that version of onnxruntime-node`,
    );
  const table = getApi(API_VERSION);
  if (table === null)
    throw new OnnxError(
      'library_version',
      `the runtime's library ${path} has no version ${String(API_VERSION)} of the C interface: install onnxruntime-node ${version}`,
    );
  const library = bindLibrary(path, table);
  loaded.set(path, library);
  return library;
}

function openLibrary(path: string): { getApi: (version: number) => Handle | null; found: string } {
  if (!existsSync(path))
    throw new OnnxError(
      'library_missing',
      `the runtime's library ${path} is missing: install onnxruntime-node ${LIBRARY_VERSION}, which has it for linux x64 and arm64, macOS arm64 and Windows`,
    );
  let handle: LibraryHandle;
  try {
    handle = koffi.load(path);
  } catch (error) {
    throw new OnnxError(
      'library_missing',
      `the runtime's library ${path} cannot be loaded (${messageOf(error)}): install onnxruntime-node ${LIBRARY_VERSION} again`,
      { cause: error },
    );
  }
  let base: Handle;
  try {
    base = handle.func('OrtGetApiBase', 'void *', [])() as Handle;
  } catch (error) {
    throw new OnnxError(
      'symbol_missing',
      `${path} has no OrtGetApiBase, so it is not the library of onnxruntime: install onnxruntime-node ${LIBRARY_VERSION}`,
      { cause: error },
    );
  }
  held.push(handle);
  pinLibrary(path);
  const at = (index: number): Handle => koffi.decode(base, index * 8, 'void *') as Handle;
  const getApi = koffi.decode(at(0), koffi.proto('void *', ['uint32'])) as (version: number) => Handle | null;
  const getVersion = koffi.decode(at(1), koffi.proto('str', [])) as () => string;
  return { getApi, found: getVersion() };
}

function bindLibrary(path: string, table: Handle): NativeLibrary {
  const raw = (name: keyof typeof API_TABLE): CFunction => {
    const { at, takes, gives } = API_TABLE[name];
    const prototype = koffi.proto(
      C_TYPES[gives],
      takes.map((kind) => C_TYPES[kind]),
    );
    return koffi.decode(koffi.decode(table, at * 8, 'void *'), prototype) as CFunction;
  };
  const errorCode = raw('GetErrorCode');
  const errorMessage = raw('GetErrorMessage');
  const releaseStatus = raw('ReleaseStatus');
  const check = (status: unknown): undefined => {
    if (status === null) return undefined;
    const error = new OnnxError(statusCode(errorCode(status) as number), String(errorMessage(status)).trim());
    releaseStatus(status);
    throw error;
  };
  const names = Object.keys(API_TABLE) as (keyof typeof API_TABLE)[];
  const api = Object.fromEntries(
    names.map((name) => {
      const call = raw(name);
      return [
        name,
        API_TABLE[name].gives === 'status'
          ? (...given: unknown[]) => {
              check(call(...given));
            }
          : call,
      ];
    }),
  ) as unknown as Api;
  const run = raw('RunWithBinding');
  const out = new BigUint64Array(1);
  // Errors are thrown; the runtime would print them a second time.
  api.CreateEnv(FATAL, 'murmuration', out);
  const environment = out[0] ?? 0n;
  api.CreateMemoryInfo('Cpu', HOST_ARENA, 0, DEFAULT_MEMORY, out);
  const hostMemory = out[0] ?? 0n;
  api.GetAllocatorWithDefaultOptions(out);
  return {
    path,
    api,
    environment,
    allocator: out[0] ?? 0n,
    hostMemory,
    runInPool: (session, runOptions, binding) =>
      new Promise((resolve, reject) => {
        run.async(session, runOptions, binding, (fault: unknown, status: unknown) => {
          try {
            if (fault !== null && fault !== undefined) throw new Error(messageOf(fault), { cause: fault });
            check(status);
            resolve();
          } catch (error) {
            reject(error instanceof Error ? error : new Error(messageOf(error)));
          }
        });
      }),
  };
}

const HOST_ARENA = 1;
const DEFAULT_MEMORY = 0;

/** Level of the runtime's log: only what ends the process. */
export const FATAL = 4;

/** The text at an address that ends with a zero byte. */
export function textAt(address: Handle): string {
  return koffi.decode.string(address);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
