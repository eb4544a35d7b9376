/** As many tokens as this twice in a window shorter than 30 s may be a sentence said twice. */
const REPEATED_TOKENS = 4;
/** Most tokens in one turn of a loop. */
const LONGEST_PERIOD = 64;

/** True when some tokens stand twice in a row (one alone three times), or four of them twice anywhere. */
export function repeatsItself(tokens: readonly number[]): boolean {
  if (tokens.some((token, i) => token === tokens[i + 1] && token === tokens[i + 2])) return true;
  const same = (a: number, b: number, count: number): boolean =>
    b + count <= tokens.length &&
    Array.from({ length: count }, (_, k) => tokens[a + k] === tokens[b + k]).every(Boolean);
  return tokens.some((_, a) => {
    for (let b = a + 2; b < tokens.length; b++) if (same(a, b, Math.min(b - a, REPEATED_TOKENS))) return true;
    return false;
  });
}

/** True when the last tokens are those before them again. */
export function endsPeriodic(tokens: readonly number[]): boolean {
  for (let period = 1; 2 * period <= Math.min(tokens.length, 2 * LONGEST_PERIOD); period++) {
    let same = 0;
    while (same < period && tokens[tokens.length - 1 - same] === tokens[tokens.length - 1 - same - period]) same++;
    if (same === period) return true;
  }
  return false;
}
