import koffi from 'koffi';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { ExitGate, guardExit, limitExitWait } from '../exit-gate.js';
import { openSession } from '../open-session.js';
import type { Binding } from '../session.js';
import { float32Tensor } from '../tensor.js';
import { manyProducts } from './tiny-models.js';

// A process of the exit test, given the name of a binding: its thread runs without an end, and it exits in the middle of that with status 3.
// A second argument limits how long it waits then, milliseconds. Given `for-ever` its thread is inside one call of another library, which does not return.
if (isMainThread) {
  const gate = new ExitGate();
  guardExit(gate);
  const limit = process.argv[3];
  if (limit !== undefined) limitExitWait(() => Number(limit));
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: { memory: gate.memory, binding: process.argv[2] },
  });
  worker.on('message', () => {
    if (limit !== undefined) process.stdout.write('ending\n');
    process.exit(3);
  });
} else {
  const { memory, binding } = workerData as { memory: SharedArrayBuffer; binding: Binding | 'for-ever' };
  const gate = new ExitGate(memory);
  if (binding === 'for-ever') {
    await gate.pass(() => {
      parentPort?.postMessage('running');
      // A signal alone ends it.
      koffi.load(null).func('pause', 'int', [])();
    });
    throw new Error('the call returned');
  }
  const session = await openSession(manyProducts(20), { device: 'cpu', threads: 1, binding });
  const x = float32Tensor(new Float32Array(256 * 256), [256, 256]);
  for (let run = 0; ; run++) {
    await gate.pass(() => session.run({ x }));
    if (run === 2) parentPort?.postMessage('running');
  }
}
