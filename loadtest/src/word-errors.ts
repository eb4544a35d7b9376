/** A text as it is compared: lower case words without punctuation. */
export function words(text: string): string[] {
  return text
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[’‘]/gu, "'")
    .replace(/[^\p{L}\p{N}' ]+/gu, ' ')
    .replace(/\b(mr|mrs|dr)\b/gu, (short) => ({ mr: 'mister', mrs: 'missus', dr: 'doctor' })[short] ?? short)
    .split(/\s+/)
    .filter((word) => word !== '');
}

/** Substituted, missing and invented words of `heard` against `said`: Levenshtein distance over words. */
export function wordErrors(said: readonly string[], heard: readonly string[]): number {
  let row = Array.from({ length: heard.length + 1 }, (_, column) => column);
  said.forEach((word, at) => {
    const next = [at + 1];
    heard.forEach((other, column) => {
      const substituted = (row[column] ?? 0) + (word === other ? 0 : 1);
      next.push(Math.min(substituted, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    });
    row = next;
  });
  return row[heard.length] ?? 0;
}
