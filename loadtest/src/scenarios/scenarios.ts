import { concurrencySweep } from './concurrency-sweep.js';
import { liveCapacity } from './live-capacity.js';
import { mixed } from './mixed.js';
import { overload } from './overload.js';
import type { Scenario } from './scenario.js';
import { soak } from './soak.js';

/** All scenarios by name. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  mixed,
  'live-capacity': liveCapacity,
  overload,
  soak,
  'concurrency-sweep': concurrencySweep,
};
