const END = /[.!?…。！？．｡।؟][\p{Pe}\p{Pf}"'*]*$/u;
/** Titles and short forms that are written with a full stop inside a sentence. */
const SHORT_FORM = /^[\p{Ps}\p{Pi}"']*(?:\p{Lu}|mrs?|ms|mme|dr|prof|st|jr|sr|vs|etc|gen|col|capt|lt|sgt|rev|hon|inc|ltd|corp|fig|approx|dept|bzw|ca|usw|evtl|sra?|d|(?:\p{L}\.)+\p{L})\.$/iu;
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
