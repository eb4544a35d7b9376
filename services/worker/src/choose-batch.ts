import type { Lane } from '@murmuration/contracts';

/** What of a waiting row decides its batch. */
export interface WaitingRow {
  readonly lane: Lane;
  readonly paddedSamples: number;
  /** Order of arrival. */
  readonly order: number;
  /** A suspect of a crash: runs by itself, with nothing beside it. */
  readonly alone: boolean;
}

/** What the device allows now. */
export interface BatchLimits {
  readonly idleSessions: number;
  readonly sessions: number;
  /** Sizes that a batch may have, smallest first, 1 among them. */
  readonly batchSizes: readonly number[];
  /** Bound on a batch's predicted run while live or interactive work waits, milliseconds. */
  readonly maxBatchMs: number;
  predictMs(paddedSamples: number, rows: number): number;
  /** False when memory ran out with a batch of this shape. */
  fits(paddedSamples: number, rows: number): boolean;
}

const URGENCY: Readonly<Record<Lane, number>> = { live: 0, interactive: 1, batch: 2 };

/**
 * The rows of the next batch, or none when none may start now. The most urgent, then oldest row leads; rows that pad to the
 * same length join it, so nothing is padded for a mate's sake. What waits is divided among the idle sessions, so that none
 * stays idle beside a large batch; while somebody waits for an answer, the predicted run stays within `maxBatchMs`. Only sizes
 * that were warmed are run: what is over forms the next batch.
 */
export function chooseBatch<Row extends WaitingRow>(waiting: readonly Row[], limits: BatchLimits): Row[] {
  if (limits.idleSessions === 0 || waiting.length === 0) return [];
  const sorted = [...waiting].sort((a, b) => URGENCY[a.lane] - URGENCY[b.lane] || a.order - b.order);
  const leader = sorted[0];
  if (leader === undefined) return [];
  if (leader.alone) return limits.idleSessions === limits.sessions ? [leader] : [];
  const mates = sorted.filter((row) => !row.alone && row.paddedSamples === leader.paddedSamples);
  const share = Math.ceil(mates.length / limits.idleSessions);
  const boundMs = leader.lane === 'batch' ? Infinity : limits.maxBatchMs;
  const rows = limits.batchSizes.findLast((size) => size <= share && limits.fits(leader.paddedSamples, size) && limits.predictMs(leader.paddedSamples, size) <= boundMs);
  return mates.slice(0, rows ?? 1);
}
