import koffi, { type LibraryHandle } from 'koffi';

/** True where shared libraries are `.dll` files and paths are UTF-16. */
export const WINDOWS = process.platform === 'win32';

/** The C library; kept for as long as the process: a library whose handle is garbage is unloaded, and its functions end the process. */
const system: LibraryHandle = koffi.load(WINDOWS ? 'ucrtbase.dll' : null);

const memmove = system.func('memmove', 'void *', ['void *', 'void *', 'size_t']) as (
  to: ArrayBufferView | bigint,
  from: ArrayBufferView | bigint,
  bytes: number,
) => bigint;

/** Copies bytes between the runtime's memory and JavaScript's; the two may overlap. */
export function copyBytes(to: ArrayBufferView | bigint, from: ArrayBufferView | bigint, bytes: number): void {
  if (bytes > 0) memmove(to, from, bytes);
}

/** Ends the process here and now, whatever its threads are doing: nothing else of it runs. (On Windows it goes on, and ends as Node ends it.) */
export function endProcess(code: number): void {
  if (!WINDOWS) system.func('_exit', 'void', ['int'])(code);
}

const RTLD_NOW = 2;
const RTLD_NODELETE = process.platform === 'darwin' ? 0x80 : 0x1000;

/**
 * Keeps a library in the process until that ends. Unloaded before, while a thread goes or the process ends, its threads may wait for
 * the loader's lock, which whoever unloads holds.
 */
export function pinLibrary(path: string): void {
  if (!WINDOWS) system.func('dlopen', 'void *', ['str', 'int'])(path, RTLD_NOW | RTLD_NODELETE);
}

/**
 * From 1.29 on the runtime reports its use to its makers over the network, writes an id of the machine into the home folder, and
 * keeps what it could not send. It does none of that where ORT_DISABLE_TELEMETRY is set in the process when it starts; in a thread
 * `process.env` is a copy, so the C library sets it. A value that is there already stays. (On Windows the system's own settings decide.)
 */
export function silenceTelemetry(): void {
  if (WINDOWS || silenced) return;
  silenced = true;
  system.func('setenv', 'int', ['str', 'str', 'int'])('ORT_DISABLE_TELEMETRY', '1', 0);
}

let silenced = false;
