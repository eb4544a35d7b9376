/** Milliseconds as seconds, to the millisecond: the unit of times in every JSON answer. Live messages and gRPC carry milliseconds. */
export function seconds(timeMs: number): number {
  return Math.round(timeMs) / 1_000;
}
