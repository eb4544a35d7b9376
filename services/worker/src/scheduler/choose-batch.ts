import type { Lane } from '@murmuration/contracts';
import { totalWaitMs, workMs, type ShapeCosts, type ShapeRows } from './completion-times.js';

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
  /** The recording that it is a part of, whose answer is there when all of its rows are; null of a row that is waited for by itself. */
  readonly recording: string | null;
  /** When it came, on the clock of `BatchLimits.nowMs`. */
  readonly sinceMs: number;
}

/** What the device allows now. */
export interface BatchLimits extends ShapeCosts {
  readonly idleSessions: number;
  /** True where a row's time and result hardly depend on how long its mates are: then rows of similar length share a batch, else those of one length. */
  readonly mixesLengths: boolean;
  /** Sessions that run partials now. */
  readonly partialSessions: number;
  /** True when a live session was served a moment ago: its next utterance may end any time, so that no run may be long. */
  readonly liveLately: boolean;
  /** True when batch work has waited through its share of others' batches: its oldest row leads the next that no live row leads. */
  readonly batchIsDue: boolean;
  /** True when live rows have led so many batches in a row that the oldest row of another lane leads the next. */
  readonly othersAreDue: boolean;
  /** How long each session that runs will probably still run, milliseconds. */
  readonly busyForMs: readonly number[];
  /** How many rows will probably come before the sessions have cleared work of so many milliseconds. */
  followers(workMs: number): number;
  readonly nowMs: number;
  /** Bound on a batch's predicted run while somebody speaks, milliseconds. */
  readonly maxBatchMs: number;
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
 * Where lengths mix, a row joins a leader that is at most so many times longer or shorter: a short row waits for the longest of its batch. Simulated with
 * 24 clients (batching-simulation.test.ts): 1.27, 1.29 and 1.32 times the rows of batches of one length with 2, 3 and any length; at 95 % load 2 and 3 let
 * people wait 461 and 466 ms, any length 483.
 */
const MIXED_FACTOR = 3;

/** Batch work is filled in; how soon it is done counts little beside what somebody waits for. */
const BATCH_WEIGHT = 0.1;
/**
 * A recording is waited for until its last row is done; each row before that counts for little, as progress. With every row counted alike two
 * recordings of four minutes ran in batches of 1.5, because the mean over rows hardly gains by larger ones, while their answers come much later.
 */
const PART_WEIGHT = 0.1;

/**
 * The rows of the next batch, or none when none may start now. The most urgent, then oldest row leads; rows that pad to the
 * same length join it, so nothing is padded for a mate's sake, or, where that costs little, those of a third to three times its length. Its size is the one with which everything that waits, and will come while the
 * devices are busy, waits least in all: a lone row runs at once; a few go in small batches, so that the first are done soon; a queue that the devices
 * do not clear goes in those that take the least time a row. What waits is divided among the idle sessions, so that none stays idle beside
 * a large batch. While somebody speaks the predicted run stays within `maxBatchMs`. Only sizes that were warmed are run.
 * Partials keep to themselves, in short batches, and leave one of several sessions to others: so a final hardly waits for them, and under load
 * there are fewer of them. Batch work leads when it is due, so that it moves however much interactive work there is;
 * and so does the oldest row that is not live, after many batches that live rows led.
 */
export function chooseBatch<Row extends WaitingRow>(waiting: readonly Row[], limits: BatchLimits): Row[] {
  if (limits.idleSessions === 0 || waiting.length === 0) return [];
  const roomForPartials = limits.partialSessions < Math.max(1, limits.sessions - 1);
  const sorted = waiting
    .filter((row) => !row.partial || roomForPartials)
    .sort((a, b) => urgency(a) - urgency(b) || a.order - b.order);
  const oldest = limits.othersAreDue
    ? sorted.filter((row) => row.lane !== 'live').sort((a, b) => a.order - b.order)[0]
    : undefined;
  const leader =
    oldest ??
    (limits.batchIsDue && sorted[0]?.lane !== 'live' ? sorted.find((row) => row.lane === 'batch') : undefined) ??
    sorted[0];
  if (leader === undefined) return [];
  if (leader.alone) return limits.idleSessions === limits.sessions ? [leader] : [];
  const mates = [
    leader,
    ...sorted.filter(
      (row) =>
        row !== leader && !row.alone && row.partial === leader.partial && areMates(leader, row, limits.mixesLengths),
    ),
  ];
  const share = leader.partial ? mates.length : Math.ceil(mates.length / limits.idleSessions);
  const boundMs = boundOf(leader, limits);
  const sizes = limits.batchSizes.filter(
    (size) =>
      size <= share &&
      limits.fits(longestOf(mates.slice(0, size)), size) &&
      limits.predictMs(meanLength(mates.slice(0, size)), size) <= boundMs,
  );
  return mates.slice(0, leader.partial ? (sizes.at(-1) ?? 1) : bestSize(sizes, mates, sorted, limits));
}

/** @param waiting all that waits, in the order in which rows lead */
function bestSize(
  sizes: readonly number[],
  mates: readonly WaitingRow[],
  waiting: readonly WaitingRow[],
  limits: BatchLimits,
): number {
  if (sizes.length <= 1) return sizes[0] ?? 1;
  const places = new Map(waiting.map((row, place) => [row, place]));
  const last = new Map(waiting.map((row) => [row.recording ?? row, row]));
  const weightOf = (row: WaitingRow): number =>
    (row.lane === 'batch' ? BATCH_WEIGHT : 1) * (last.get(row.recording ?? row) === row ? 1 : PART_WEIGHT);
  const shapeOf = (rows: readonly WaitingRow[]): ShapeRows => ({
    paddedSamples: meanLength(rows),
    rows: rows.map((row) => ({ weight: weightOf(row), place: places.get(row) ?? 0 })),
  });
  const joined = new Set(mates);
  const others = new Map<number, WaitingRow[]>();
  for (const row of waiting) {
    if (joined.has(row) || row.partial) continue;
    const rows = others.get(row.paddedSamples);
    if (rows === undefined) others.set(row.paddedSamples, [row]);
    else rows.push(row);
  }
  const leading = shapeOf(mates);
  const rest = [...others.values()].map(shapeOf);
  const aheadMs =
    (workMs([leading, ...rest], limits) + limits.busyForMs.reduce((all, ms) => all + ms, 0)) / limits.sessions;
  const followers = limits.followers(aheadMs) * (waiting.every((row) => row.lane === 'batch') ? BATCH_WEIGHT : 1);
  const waits = sizes.map((size) => totalWaitMs(leading, size, rest, limits.busyForMs, followers, limits));
  return sizes[waits.lastIndexOf(Math.min(...waits))] ?? 1;
}

function areMates(leader: WaitingRow, row: WaitingRow, mixed: boolean): boolean {
  if (!mixed) return row.paddedSamples === leader.paddedSamples;
  return (
    row.paddedSamples <= leader.paddedSamples * MIXED_FACTOR && leader.paddedSamples <= row.paddedSamples * MIXED_FACTOR
  );
}

/** The length of which all rows would take as long as these together, samples; 0 of none. */
export function meanLength(rows: readonly Pick<WaitingRow, 'paddedSamples'>[]): number {
  return rows.length === 0 ? 0 : rows.reduce((sum, row) => sum + row.paddedSamples, 0) / rows.length;
}

/** The length that all rows of a batch are padded to, samples. */
export function longestOf(rows: readonly Pick<WaitingRow, 'paddedSamples'>[]): number {
  return rows.reduce((longest, row) => Math.max(longest, row.paddedSamples), 0);
}

/** None unless somebody speaks. */
function boundOf(leader: WaitingRow, { liveLately, maxBatchMs, nowMs }: BatchLimits): number {
  if (leader.partial) return Math.min(PARTIAL_BATCH_MS, maxBatchMs);
  if (leader.lane !== 'live' && !liveLately) return Infinity;
  return leader.lane === 'live' && nowMs - leader.sinceMs > maxBatchMs ? maxBatchMs * LATE_FACTOR : maxBatchMs;
}

function urgency(row: WaitingRow): number {
  return row.partial ? PARTIAL_URGENCY : URGENCY[row.lane];
}
