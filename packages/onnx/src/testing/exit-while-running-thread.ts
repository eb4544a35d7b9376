import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { ExitGate, guardExit } from '../exit-gate.js';
import { float32Tensor, openSession } from '../session.js';
import { manyProducts } from './tiny-models.js';

// A process of the exit test: its thread runs without an end, and it exits in the middle of that with status 3.
if (isMainThread) {
  const gate = new ExitGate();
  guardExit(gate);
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: gate.memory });
  worker.on('message', () => {
    process.exit(3);
  });
} else {
  const gate = new ExitGate(workerData as SharedArrayBuffer);
  const session = await openSession(manyProducts(20), { device: 'cpu', threads: 1 });
  const x = float32Tensor(new Float32Array(256 * 256), [256, 256]);
  for (let run = 0; ; run++) {
    await gate.pass(() => session.run({ x }));
    if (run === 2) parentPort?.postMessage('running');
  }
}
