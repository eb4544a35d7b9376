import { samplesToMs } from '@murmuration/contracts';
import type { Metrics } from '@murmuration/runtime';
import type { BatchFacts } from '../scheduler/batcher.js';
import type { RecentThroughput } from './recent-throughput.js';

/** Writes a finished batch's facts into the metrics and into what the card tells. */
export function observeBatch(metrics: Metrics, throughput: RecentThroughput, facts: BatchFacts): void {
  throughput.add(samplesToMs(facts.audioSamples), facts.inferenceMs);
  metrics.batchSize.observe(facts.rows);
  metrics.inferenceSeconds.observe(facts.inferenceMs / 1_000);
  metrics.batchPaddingRatio.observe(facts.paddedSamples === 0 ? 0 : 1 - facts.audioSamples / facts.paddedSamples);
  metrics.rtfx.set(samplesToMs(facts.audioSamples) / Math.max(0.001, facts.inferenceMs));
  for (const waitMs of facts.waitsMs) metrics.batchWaitSeconds.observe(waitMs / 1_000);
}
