import tokenizer from 'llama-tokenizer-js';

/** Ids up to this are marks (unknown, start, end), no text. */
const LAST_MARK = 2;
/** Ids from this on are reserved by the model and name nothing. */
const VOCABULARY = 32_000;

/** Tokens to text: Llama's vocabulary, without marks and outer spaces. */
export function decodeTokens(tokens: readonly number[]): string {
  const said = tokens.filter((token) => token > LAST_MARK && token < VOCABULARY);
  return tokenizer.decode(said, false, true).trim();
}
