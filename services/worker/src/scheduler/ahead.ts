import { longestOf, type WaitingRow } from './choose-batch.js';

/** What is known when a batch might be handed over behind one that runs. */
export interface AheadFacts {
  /** How long the batch that runs will probably still run, milliseconds. */
  readonly remainingMs: number;
  /** True when that one is a suspect of a crash, which nothing runs beside. */
  readonly runsAlone: boolean;
  /** Share of a batch's time, 0 to 1, that passes before its decoder begins: its features and encoder. */
  readonly preparationShare: number;
  /** True when a live session was served a moment ago. */
  readonly liveLately: boolean;
  /** Sizes that a batch may have, smallest first. */
  readonly batchSizes: readonly number[];
  predictMs(rows: number): number;
  fits(paddedSamples: number, rows: number): boolean;
}

/**
 * In how many milliseconds a batch is to be handed over to be made ready while another runs; null: not before that one has ended. What is handed over
 * is settled: nobody joins it any more, and nobody comes before it. So it is done as late as the device allows, when what is left of the running batch
 * is as long as making ready takes; at once only where nobody could join (it is as large as may be) and nobody speaks whose final would come first.
 */
export function aheadInMs(batch: readonly WaitingRow[], facts: AheadFacts): number | null {
  const [leader] = batch;
  if (leader === undefined || leader.alone || leader.partial || facts.runsAlone) return null;
  const full = facts.batchSizes.every((size) => size <= batch.length || !facts.fits(longestOf(batch), size));
  if (full && !facts.liveLately) return 0;
  return Math.max(0, facts.remainingMs - facts.preparationShare * facts.predictMs(batch.length));
}
