import { SAMPLE_RATE_HZ } from '@murmuration/contracts';
import { ATTRIBUTE, SPAN, type TraceSpan, type Tracing } from '@murmuration/runtime';
import type { BatchRow } from './batch-runner.js';
import { longestOf, type WaitingRow } from './choose-batch.js';

/** The span of a batch: a trace of its own, that points at every member and is pointed at by each. None of a batch whose members have none. */
export function startBatchSpan(
  tracing: Tracing,
  batch: readonly (WaitingRow & { readonly row: BatchRow })[],
  members: readonly TraceSpan[],
): TraceSpan | null {
  if (members.length === 0) return null;
  const samples = batch.reduce((sum, entry) => sum + entry.row.pcm.length, 0);
  const span = tracing.start(SPAN.batch, {
    links: members.map((member) => member.traceparent),
    attributes: {
      [ATTRIBUTE.batchRows]: batch.length,
      [ATTRIBUTE.audioSeconds]: samples / SAMPLE_RATE_HZ,
      [ATTRIBUTE.paddedSeconds]: (longestOf(batch) * batch.length) / SAMPLE_RATE_HZ,
    },
  });
  for (const member of members) member.link(span.traceparent);
  return span;
}
