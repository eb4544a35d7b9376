const END = /[.!?…。！？．｡।؟][\p{Pe}\p{Pf}"'*]*$/u;
/** Titles and short forms that are written with a full stop inside a sentence. */
const SHORT_FORM =
  /^[\p{Ps}\p{Pi}"']*(?:\p{Lu}|mrs?|ms|mme|dr|prof|st|jr|sr|vs|etc|gen|col|capt|lt|sgt|rev|hon|inc|ltd|corp|fig|approx|dept|bzw|ca|usw|evtl|sra?|d|(?:\p{L}\.)+\p{L})\.$/iu;
const GOES_ON = /^[\p{Ps}\p{Pi}"'¿¡-]*\p{Ll}/u;

/**
 * True when a sentence ends with `word`: it ends in a full stop or the like, is no title, initial or short form, and what follows does not go on in lower case.
 * @param next the word that follows; undefined at the end of the text
 */
export function endsSentence(word: string, next: string | undefined): boolean {
  const bare = word.trim();
  if (!END.test(bare)) return false;
  return next === undefined || !(SHORT_FORM.test(bare) || GOES_ON.test(next.trim()));
}

/** Scripts that put no spaces between words, for the inside of a character class of a regular expression with the flag `u`. */
export const UNSPACED_SCRIPTS = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}ー々〆`;

const UNSPACED = new RegExp(`[${UNSPACED_SCRIPTS}]`, 'u');
const EAST_ASIAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}ー々〆]/u;
const DIGIT = /\p{N}/u;
/** Punctuation as wide as an ideograph: it brings its own space. */
const WIDE_PUNCTUATION = /[\u3000-\u3004\u3008-\u3020\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/u;
const LAST_WRITTEN = /[\p{L}\p{M}\p{N}](?=[^\p{L}\p{M}\p{N}]*$)/u;
/** No more punctuation than this stands between two letters. */
const NEAR = 64;
const FIRST_WRITTEN = /[\p{L}\p{M}\p{N}]/u;

/**
 * What stands between two texts that follow each other: a space, or nothing where the writing has none there. There is none inside Chinese, Japanese,
 * Thai, Lao, Khmer, Burmese and Tibetan, beside full-width punctuation, and between Chinese or Japanese characters and digits;
 * where one side is of a script with spaces (Latin, Hangul, …) there is one. Punctuation belongs to the letters that it stands with.
 */
export function spaceBetween(before: string, after: string): '' | ' ' {
  const left = before.slice(-NEAR).trimEnd();
  const right = after.trimStart().slice(0, NEAR);
  if (left === '' || right === '' || WIDE_PUNCTUATION.test(left.slice(-1)) || WIDE_PUNCTUATION.test(right.slice(0, 1)))
    return '';
  const last = LAST_WRITTEN.exec(left)?.[0] ?? '';
  const first = FIRST_WRITTEN.exec(right)?.[0] ?? '';
  const inside =
    (UNSPACED.test(last) && UNSPACED.test(first)) ||
    (EAST_ASIAN.test(last) && DIGIT.test(first)) ||
    (DIGIT.test(last) && EAST_ASIAN.test(first));
  return inside ? '' : ' ';
}

/** Texts that follow each other as one, with spaces where their writing has them. Texts of nothing but spaces fall away. */
export function joinTexts(texts: readonly string[]): string {
  const pieces: string[] = [];
  // Only the end is looked at: a slice of the whole would copy it for every text, 50,000 times for a day of speech.
  let end = '';
  for (const text of texts) {
    const bare = text.trim();
    const space = spaceBetween(end, bare);
    pieces.push(space, bare);
    end = (end + space + bare).slice(-NEAR);
  }
  return pieces.join('');
}
