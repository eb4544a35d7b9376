/**
 * Bytes by the character that stands for each in a byte-level vocabulary (GPT-2's): printable Latin-1 characters stand for
 * themselves, the other 68 bytes for the characters from U+0100 on.
 */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = byteCharacters();

function byteCharacters(): Map<string, number> {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const bytes = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) bytes.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte);
  return bytes;
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The bytes that each token of a byte-level vocabulary writes, in two arrays instead of tens of thousands of strings. */
export class TokenBytes {
  readonly #bytes: Uint8Array;
  /** Where each token's bytes end; they start where those of the token before end. */
  readonly #ends: Uint32Array;

  /** `tokens`: names of the tokens 0, 1, … as the vocabulary's file has them; a character that stands for no byte writes itself. */
  constructor(tokens: readonly string[]) {
    const bytes: number[] = [];
    this.#ends = Uint32Array.from(tokens, (name) => {
      for (const character of name) {
        const byte = BYTE_OF_CHARACTER.get(character);
        if (byte === undefined) bytes.push(...Buffer.from(character));
        else bytes.push(byte);
      }
      return bytes.length;
    });
    this.#bytes = Uint8Array.from(bytes);
  }

  /** Text of tokens, each below the number of names; bytes that are no UTF-8 give U+FFFD. */
  decode(tokens: readonly number[]): string {
    const parts = tokens.map((token) =>
      this.#bytes.subarray(token === 0 ? 0 : this.#ends[token - 1], this.#ends[token]),
    );
    return UTF8.decode(Buffer.concat(parts));
  }
}
