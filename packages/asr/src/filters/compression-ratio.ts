import { deflateSync } from 'node:zlib';

/** From here on characters are ideographs, kana and syllables, which bear as much as three letters: they keep their bytes. */
const FIRST_IDEOGRAPH = 0x2e80;

/** Bytes of the text divided by its bytes after zlib, as openai/whisper measures it: ordinary speech is below 2, a loop above 2.4. 0 for no text. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text.trim());
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}

/**
 * How much a text repeats itself: its compression ratio with a byte a letter in every alphabet, so that one threshold fits all. In UTF-8 most alphabets
 * have two or three bytes a letter, of which the first are always the same: ordinary sentences of Georgian, Burmese, Tamil, Bengali, Hindi or Thai
 * compress by 2.7 to 3.3 there, as loops of English do.
 */
export function repetitiveness(text: string): number {
  const bytes = Buffer.from(Array.from(text.trim()).flatMap((character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return [code];
    return code < FIRST_IDEOGRAPH ? [0x80 | (code & 0x7f)] : [...Buffer.from(character)];
  }));
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}
