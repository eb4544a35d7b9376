import { parentPort, workerData } from 'node:worker_threads';
import { openSession } from '../open-session.js';
import type { Binding } from '../session.js';
import { float32Tensor } from '../tensor.js';
import { doubling } from './tiny-models.js';

// A thread of the session test: runs a small graph many times, posts the sum, and ends with the session still open.
const { seed, runs, binding } = workerData as { seed: number; runs: number; binding: Binding };
const session = await openSession(doubling(), { device: 'cpu', threads: 1, binding });
let sum = 0;
for (let run = 0; run < runs; run++) {
  const { y } = await session.run({ x: float32Tensor(new Float32Array(3).fill(seed), [1, 3]) });
  for (const value of y?.data as Float32Array) sum += value;
}
parentPort?.postMessage(sum);
