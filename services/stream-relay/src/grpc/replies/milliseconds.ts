/** A place or length in whole milliseconds. */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
