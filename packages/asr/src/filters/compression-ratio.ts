import { deflateSync } from 'node:zlib';

/** Bytes of the text divided by its bytes after zlib, as openai/whisper measures it: ordinary speech is below 2, a loop above 2.4. 0 for no text. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text.trim());
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}
