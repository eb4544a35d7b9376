import type { Result } from '../report.js';
import type { Target } from '../target.js';
import { closedLoop } from '../open-loop.js';
import { summarize, type Summary } from '../recorder.js';

export interface ScenarioOptions {
  /** Of a run, or of each of its levels, milliseconds. */
  readonly durationMs: number;
  /** Arrivals a second; null: half of what closed-loop clients get through. */
  readonly ratePerSecond: number | null;
  /** Numbers of clients or streams to try, ascending. */
  readonly levels: readonly number[];
  readonly seed: number;
  /** What is done next, in a line. */
  readonly say: (line: string) => void;
}

/** A kind of run. */
export interface Scenario {
  readonly what: string;
  readonly durationMs: number;
  readonly levels: readonly number[];
  readonly run: (target: Target, options: ScenarioOptions) => Promise<Result>;
}

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
