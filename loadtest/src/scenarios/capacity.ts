import { closedLoop } from '../open-loop.js';
import { summarize, type Summary } from '../recorder.js';
import type { Target } from '../target.js';

const CLIENTS = 16;

/** Short clips that the cluster gets through, as a rate: that of 16 clients who ask again and again. Throws when it answers none. */
export async function measureCapacity(
  target: Target,
  durationMs: number,
): Promise<{ readonly perSecond: number; readonly summary: Summary; readonly lagMs: number }> {
  const { samples, wallMs, lagMs } = await closedLoop(CLIENTS, durationMs, async (pick, dueAtMs) => ({
    kind: 'http',
    outcome: await target.work('http', pick, dueAtMs),
  }));
  const summary = summarize(samples, wallMs);
  if (summary.done === 0)
    throw new Error(
      `the cluster transcribed nothing: ${JSON.stringify({ refused: summary.refused, lost: summary.lost })}`,
    );
  return { perSecond: (summary.done * 1_000) / wallMs, summary, lagMs };
}
