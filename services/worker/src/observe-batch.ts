import type { Metrics } from '@murmuration/runtime';
import type { BatchFacts } from './batcher.js';

/** Writes a finished batch's facts into the metrics. */
export function observeBatch(metrics: Metrics, facts: BatchFacts): void {
  metrics.batchSize.observe(facts.rows);
  metrics.inferenceSeconds.observe(facts.inferenceMs / 1_000);
  metrics.batchPaddingRatio.observe(facts.paddedSamples === 0 ? 0 : 1 - facts.audioSamples / facts.paddedSamples);
  metrics.rtfx.set(facts.audioSamples / 16 / Math.max(0.001, facts.inferenceMs));
  for (const waitMs of facts.waitsMs) metrics.batchWaitSeconds.observe(waitMs / 1_000);
}
