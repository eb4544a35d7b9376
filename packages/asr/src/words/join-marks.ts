/** Characters that are spoken: letters, digits, and signs that have a name ("&", "%", "€"). Everything else is punctuation. */
const SPOKEN = /[\p{L}\p{N}\p{Sc}&%@#§°+=±×÷]/u;
/** Marks that stand before what they belong to. */
const OPENING = /^\s*[\p{Ps}\p{Pi}¿¡]/u;

/** True for a text in which nothing is spoken: punctuation of any script, or spaces. */
export function isMarks(text: string): boolean {
  return !SPOKEN.test(text);
}

/**
 * Joins pure punctuation to a word: opening marks (`¿`, `«`, `「`) to the word after, all others (`...`, `?!`, `。」`) to the word before;
 * where there is no such word, to the other one. `merge(into, from, before)` joins two neighbours; `before` where the mark stands before its word.
 */
export function joinMarks<T extends { readonly word: string }>(
  words: readonly T[],
  merge: (into: T, from: T, before: boolean) => T,
): T[] {
  const joined: T[] = [];
  let opening: T[] = [];
  for (const word of words) {
    const last = joined.at(-1);
    if (isMarks(word.word) && (last === undefined || OPENING.test(word.word))) opening.push(word);
    else if (isMarks(word.word) && opening.length > 0) opening.push(word);
    else if (last !== undefined && isMarks(word.word)) joined[joined.length - 1] = merge(last, word, false);
    else {
      joined.push(opening.reduceRight((into, from) => merge(into, from, true), word));
      opening = [];
    }
  }
  const last = joined.at(-1);
  if (last === undefined) return opening.length === 0 ? [] : [opening.reduce((into, from) => merge(into, from, false))];
  if (opening.length > 0) joined[joined.length - 1] = opening.reduce((into, from) => merge(into, from, false), last);
  return joined;
}

/** The words of a text that is written with spaces, marks with the word that they belong to. */
export function spacedWords(text: string): string[] {
  const parts = text
    .split(/\s+/u)
    .filter((word) => word !== '')
    .map((word) => ({ word }));
  return joinMarks(parts, (into, from, before) => ({
    word: before ? `${from.word} ${into.word}` : `${into.word} ${from.word}`,
  })).map(({ word }) => word);
}
