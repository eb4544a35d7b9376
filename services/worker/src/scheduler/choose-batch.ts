import type { Lane } from '@murmuration/contracts';

/** What of a waiting row decides its batch. */
export interface WaitingRow {
  readonly lane: Lane;
  readonly paddedSamples: number;
  /** Order of arrival. */
  readonly order: number;
  /** A suspect of a crash: runs by itself, with nothing beside it. */
  readonly alone: boolean;
  /** A live partial: thinned out before any final is late. */
  readonly partial: boolean;
  /** When it came, on the clock of `BatchLimits.nowMs`. */
  readonly sinceMs: number;
}

/** What the device allows now. */
export interface BatchLimits {
  readonly idleSessions: number;
  readonly sessions: number;
  /** Sessions that run partials now. */
  readonly partialSessions: number;
  /** True when a live session was served a moment ago: its next utterance may end any time, so that no run may be long. */
  readonly liveLately: boolean;
  /** True when batch work has waited through its share of others' batches: its oldest row leads the next that no live row leads. */
  readonly batchIsDue: boolean;
  /** Sizes that a batch may have, smallest first, 1 among them. */
  readonly batchSizes: readonly number[];
  readonly nowMs: number;
  /** Bound on a batch's predicted run while live or interactive work waits, milliseconds. */
  readonly maxBatchMs: number;
  predictMs(paddedSamples: number, rows: number): number;
  /** False when memory ran out with a batch of this shape. */
  fits(paddedSamples: number, rows: number): boolean;
}

const URGENCY: Readonly<Record<Lane, number>> = { live: 0, interactive: 1, batch: 2 };
/** Partials wait with the interactive rows, in the order of arrival. */
const PARTIAL_URGENCY = 1;
/** Bound on the predicted run of a batch of partials, milliseconds: a final that comes meanwhile waits no longer. */
const PARTIAL_BATCH_MS = 120;
/**
 * Once a final has waited for as long as a run may take, runs may be this much longer: batches of eight let 1.7 times as much through as single
 * rows (Moonshine on a CPU), and with single rows the finals behind it would only come later.
 */
const LATE_FACTOR = 3;

/**
 * The rows of the next batch, or none when none may start now. The most urgent, then oldest row leads; rows that pad to the
 * same length join it, so nothing is padded for a mate's sake. What waits is divided among the idle sessions, so that none
 * stays idle beside a large batch; while somebody waits for an answer, the predicted run stays within `maxBatchMs`. Only sizes
 * that were warmed are run: what is over forms the next batch. Partials keep to themselves, in short batches, and leave one of
 * several sessions to others: so a final hardly waits for them, and under load there are fewer of them. Batch work leads when it is due,
 * so that it moves however much interactive work there is.
 */
export function chooseBatch<Row extends WaitingRow>(waiting: readonly Row[], limits: BatchLimits): Row[] {
  if (limits.idleSessions === 0 || waiting.length === 0) return [];
  const roomForPartials = limits.partialSessions < Math.max(1, limits.sessions - 1);
  const sorted = waiting.filter((row) => !row.partial || roomForPartials).sort((a, b) => urgency(a) - urgency(b) || a.order - b.order);
  const leader = (limits.batchIsDue && sorted[0]?.lane !== 'live' ? sorted.find((row) => row.lane === 'batch') : undefined) ?? sorted[0];
  if (leader === undefined) return [];
  if (leader.alone) return limits.idleSessions === limits.sessions ? [leader] : [];
  const mates = [leader, ...sorted.filter((row) => row !== leader && !row.alone && row.partial === leader.partial && row.paddedSamples === leader.paddedSamples)];
  const share = leader.partial ? mates.length : Math.ceil(mates.length / limits.idleSessions);
  const boundMs = sorted[0]?.lane === 'batch' && !limits.liveLately ? Infinity : boundOf(leader, limits);
  const rows = limits.batchSizes.findLast((size) => size <= share && limits.fits(leader.paddedSamples, size) && limits.predictMs(leader.paddedSamples, size) <= boundMs);
  return mates.slice(0, rows ?? 1);
}

/** While somebody waits for an answer or speaks. */
function boundOf(leader: WaitingRow, { maxBatchMs, nowMs }: BatchLimits): number {
  if (leader.partial) return Math.min(PARTIAL_BATCH_MS, maxBatchMs);
  return leader.lane === 'live' && nowMs - leader.sinceMs > maxBatchMs ? maxBatchMs * LATE_FACTOR : maxBatchMs;
}

function urgency(row: WaitingRow): number {
  return row.partial ? PARTIAL_URGENCY : URGENCY[row.lane];
}
