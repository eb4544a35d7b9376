import { deflateSync } from 'node:zlib';

/** Bytes of the text over its bytes when zlib has packed it: repetition packs well. Source: Whisper's `compression_ratio`. 0 for no text. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}
