import type { DecodedPiece } from './packet-codec.js';

/** Reads one container and its codec in WASM: bytes in, planar PCM at the source's rate out. Throws `AsrError`. */
export interface WasmReader {
  push(bytes: Uint8Array): Promise<DecodedPiece[]>;
  finish(): Promise<DecodedPiece[]>;
  /** Null until known. */
  readonly codec: string | null;
  /** Length that the file's header declares, or null. Milliseconds. */
  readonly declaredMs: number | null;
  /** True when the bytes ended in the middle of something. Known after `finish`. */
  readonly truncated: boolean;
  /** True when parts could not be decoded. */
  readonly damaged: boolean;
}
