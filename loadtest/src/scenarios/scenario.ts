import type { Result } from '../report.js';
import type { Target } from '../target.js';

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
