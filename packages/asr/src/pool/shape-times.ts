/** Share of the newest batch in the correction: about the last ten count, the warm-up as one of them at first. */
const NEWEST_SHARE = 0.1;
/** One odd batch (a cancelled one, a paused machine) may not spoil the correction. */
const CORRECTION_RANGE = { min: 0.1, max: 10 } as const;

/** How long batches take: the shapes measured in warm-up, corrected by the batches since. */
export class ShapeTimes {
  readonly #byLength = new Map<number, Map<number, number>>();
  #correction = 1;
  #observed = 1;

  /** Keeps the slower of two measurements of a shape: sessions side by side share the machine. */
  record(samples: number, rows: number, ms: number): void {
    const byRows = this.#byLength.get(samples) ?? new Map<number, number>();
    byRows.set(rows, Math.max(ms, byRows.get(rows) ?? 0));
    this.#byLength.set(samples, byRows);
  }

  /** Takes in how long a batch really took. */
  observe(samples: number, rows: number, ms: number): void {
    const measured = this.#measuredMs(samples, rows);
    if (measured === 0) return;
    const ratio = Math.min(CORRECTION_RANGE.max, Math.max(CORRECTION_RANGE.min, ms / measured));
    this.#correction += (ratio - this.#correction) * Math.max(NEWEST_SHARE, 1 / ++this.#observed);
  }

  /** Milliseconds of a batch; between measured shapes in proportion, outside them by the nearest. 0 when nothing was measured. */
  predictMs(samples: number, rows: number): number {
    return this.#measuredMs(samples, rows) * this.#correction;
  }

  #measuredMs(samples: number, rows: number): number {
    const atLengths = new Map([...this.#byLength].map(([length, byRows]) => [length, interpolate(byRows, rows)]));
    return interpolate(atLengths, samples);
  }
}

/** Value at `at` on the line through the two nearest known points; through the nearest and zero outside them. */
function interpolate(points: ReadonlyMap<number, number>, at: number): number {
  const known = [...points].sort(([a], [b]) => a - b);
  const above = known.find(([x]) => x >= at);
  const below = known.findLast(([x]) => x <= at);
  if (above !== undefined && below !== undefined) {
    return above[0] === below[0]
      ? above[1]
      : below[1] + ((above[1] - below[1]) * (at - below[0])) / (above[0] - below[0]);
  }
  if (above !== undefined) return above[1];
  return below === undefined ? 0 : (below[1] * at) / below[0];
}
