/** Rows of one padded length, as far as a forecast needs them. */
export interface ShapeRows {
  readonly paddedSamples: number;
  /** In the order in which they lead a batch. */
  readonly rows: readonly ForecastRow[];
}

export interface ForecastRow {
  /** How much it counts that it is done soon. */
  readonly weight: number;
  /** Its place among all that waits: the lowest leads the next batch. */
  readonly place: number;
}

/** The device's times. */
export interface ShapeCosts {
  readonly sessions: number;
  /** Sizes that a batch may have, smallest first, 1 among them. */
  readonly batchSizes: readonly number[];
  /** Predicted time of a batch, milliseconds. */
  predictMs(paddedSamples: number, rows: number): number;
  /** False when memory ran out with a batch of this shape. */
  fits(paddedSamples: number, rows: number): boolean;
}

interface PlannedBatch {
  readonly place: number;
  readonly ms: number;
  readonly weight: number;
}

/**
 * What people wait in all, weighted milliseconds, when the first `size` rows of `leading` run now on one session, and everything else as soon as sessions
 * are free, in batches of the size that is best for that.
 * @param busyForMs how long each session that runs will probably still run
 * @param followers rows that will come while the devices are still busy: each waits for the time that is lost with this size
 */
export function totalWaitMs(
  leading: ShapeRows,
  size: number,
  others: readonly ShapeRows[],
  busyForMs: readonly number[],
  followers: number,
  costs: ShapeCosts,
): number {
  const runMs = costs.predictMs(leading.paddedSamples, size);
  const wastedMs = Math.max(0, runMs - (size * workMs([leading], costs)) / leading.rows.length) / costs.sessions;
  const rest = [{ ...leading, rows: leading.rows.slice(size) }, ...others].filter((shape) => shape.rows.length > 0);
  const free = [
    runMs,
    ...busyForMs,
    ...Array.from({ length: Math.max(0, costs.sessions - 1 - busyForMs.length) }, () => 0),
  ];
  const longest = Math.max(1, ...rest.map((shape) => shape.rows.length));
  const choices = costs.batchSizes.filter((rows, at) => rows <= longest || at === 0);
  const waits = choices.map((largest) => {
    const batches = rest.flatMap((shape) => batchesOf(shape, largest, costs)).sort((a, b) => a.place - b.place);
    return waitMs(batches, [...free]);
  });
  return runMs * weightOf(leading.rows.slice(0, size)) + Math.min(...waits) + followers * wastedMs;
}

/** Weighted time until the batches are done, in order, each on the session that is free first. `free` is when each is; it is used up. */
function waitMs(batches: readonly PlannedBatch[], free: number[]): number {
  let total = 0;
  for (const { ms, weight } of batches) {
    const session = free.indexOf(Math.min(...free));
    const endMs = (free[session] ?? 0) + ms;
    free[session] = endMs;
    total += weight * endMs;
  }
  return total;
}

/** The rows in batches of up to `largest`. */
function batchesOf({ paddedSamples, rows }: ShapeRows, largest: number, costs: ShapeCosts): PlannedBatch[] {
  const batches: PlannedBatch[] = [];
  for (let at = 0; at < rows.length;) {
    const size =
      costs.batchSizes.findLast(
        (one) => one <= Math.min(largest, rows.length - at) && costs.fits(paddedSamples, one),
      ) ?? 1;
    batches.push({
      place: rows[at]?.place ?? 0,
      ms: costs.predictMs(paddedSamples, size),
      weight: weightOf(rows.slice(at, at + size)),
    });
    at += size;
  }
  return batches;
}

/** Time of one session that the rows take, milliseconds, each its share of the best batch that there are rows for: what is left over finds mates among those that come. */
export function workMs(shapes: readonly ShapeRows[], costs: ShapeCosts): number {
  return shapes.reduce((all, { paddedSamples, rows }) => {
    const sizes = costs.batchSizes.filter(
      (size) => size === 1 || (size <= rows.length && costs.fits(paddedSamples, size)),
    );
    return all + rows.length * Math.min(...sizes.map((size) => costs.predictMs(paddedSamples, size) / size));
  }, 0);
}

function weightOf(rows: readonly ForecastRow[]): number {
  return rows.reduce((all, { weight }) => all + weight, 0);
}
