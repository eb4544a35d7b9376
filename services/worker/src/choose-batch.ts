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
  readonly maxBatch: number;
  /** Bound on a batch's predicted run while live or interactive work waits, milliseconds. */
  readonly maxBatchMs: number;
  predictMs(paddedSamples: number, rows: number): number;
}

const URGENCY: Readonly<Record<Lane, number>> = { live: 0, interactive: 1, batch: 2 };

/**
 * The rows of the next batch, or none when none may start now. The most urgent, then oldest row leads; rows that pad to the
 * same length join it, so nothing is padded for a mate's sake. What waits is divided among the idle sessions, so that none
 * stays idle beside a large batch; while somebody waits for an answer, the predicted run stays within `maxBatchMs`.
 */
export function chooseBatch<Row extends WaitingRow>(waiting: readonly Row[], limits: BatchLimits): Row[] {
  if (limits.idleSessions === 0 || waiting.length === 0) return [];
  const sorted = [...waiting].sort((a, b) => URGENCY[a.lane] - URGENCY[b.lane] || a.order - b.order);
  const leader = sorted[0];
  if (leader === undefined) return [];
  if (leader.alone) return limits.idleSessions === limits.sessions ? [leader] : [];
  const mates = sorted.filter((row) => !row.alone && row.paddedSamples === leader.paddedSamples);
  const share = Math.ceil(mates.length / limits.idleSessions);
  let rows = Math.min(share, limits.maxBatch);
  if (leader.lane !== 'batch') {
    while (rows > 1 && limits.predictMs(leader.paddedSamples, rows) > limits.maxBatchMs) rows--;
  }
  return mates.slice(0, rows);
}
