/** Errors against a reference: substituted, missing and invented words. */
export interface WordErrors {
  readonly errors: number;
  /** Words of the reference. */
  readonly words: number;
}

/** Written forms that are read alike: counted as equal. */
const SAME_WORDS: Readonly<Record<string, string>> = { mr: 'mister', mrs: 'missus', dr: 'doctor', ok: 'okay' };

/** A text as it is compared: lower case, no punctuation (apostrophes inside words stay), hyphens as spaces, common abbreviations spelt out. */
export function normalizeWords(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[’‘]/gu, "'")
    .replace(/[^\p{L}\p{N}']+/gu, ' ')
    .split(' ')
    .map((word) => word.replace(/^'+|'+$/g, ''))
    .filter((word) => word !== '')
    .map((word) => SAME_WORDS[word] ?? word);
}

/** Fewest word edits from the reference to the hypothesis (Levenshtein), both normalised. */
export function wordErrors(reference: string, hypothesis: string): WordErrors {
  const wanted = normalizeWords(reference);
  const heard = normalizeWords(hypothesis);
  let row = Array.from({ length: heard.length + 1 }, (_, at) => at);
  wanted.forEach((word, at) => {
    const next = [at + 1];
    heard.forEach((other, column) => {
      const substituted = (row[column] ?? 0) + (word === other ? 0 : 1);
      next.push(Math.min(substituted, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    });
    row = next;
  });
  return { errors: row[heard.length] ?? 0, words: wanted.length };
}

/** Errors of all texts over words of all references; 0 without words. */
export function wordErrorRate(all: readonly WordErrors[]): number {
  const words = all.reduce((sum, one) => sum + one.words, 0);
  return words === 0 ? 0 : all.reduce((sum, one) => sum + one.errors, 0) / words;
}
