import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeOptionsSchema } from '@murmuration/contracts';
import { Metrics } from '@murmuration/runtime';
import { DeviceTimes } from '../model/recent-throughput.js';
import type { BatchResult, BatchRow, BatchRunner } from './batch-runner.js';
import { Batcher, type BatcherRow } from './batcher.js';

/** A device of the test's own that takes one batch ahead; batches end in their order when the test says so. */
class DeviceWithRoom implements BatchRunner {
  readonly sessions = 1;
  readonly batchSizes = [1, 2, 4];
  readonly mixesLengths = false;
  readonly preparationShare = 0.25;
  readonly started: number[] = [];
  predictedMs = 60_000;
  readonly #batches: ((deviceMs: number) => void)[] = [];

  get idleSessions(): number {
    return this.#batches.length === 0 ? 1 : 0;
  }

  get roomAhead(): number {
    return this.#batches.length === 1 ? 1 : 0;
  }

  paddedSamples(samples: number): number {
    return samples;
  }

  predictMs(): number {
    return this.predictedMs;
  }

  run(batch: readonly BatchRow[]): Promise<BatchResult> {
    assert.ok(this.#batches.length < 2, 'a third batch was handed over');
    this.started.push(batch.length);
    return new Promise((resolve) => {
      this.#batches.push((deviceMs) => {
        const recognitions = batch.map(() => ({
          segments: [],
          filtered: [],
          language: null,
          languageProbability: null,
        }));
        resolve({ recognitions, inferenceMs: 1, deviceMs });
      });
    });
  }

  async end(deviceMs = 1): Promise<void> {
    this.#batches.shift()?.(deviceMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const row = (more: Partial<BatcherRow> = {}): BatcherRow => ({
  pcm: new Int16Array(10),
  options: decodeOptionsSchema.parse({}),
  cancelled: () => false,
  lane: 'batch',
  alone: false,
  onRun: () => undefined,
  ...more,
});

function batcherOn(device: DeviceWithRoom, times = new DeviceTimes(new Metrics())): Batcher {
  return new Batcher(device, {
    maxBatchMs: 250,
    onBatch: (facts) => {
      times.add(facts);
    },
    outOfMemory: () => false,
  });
}

test('The largest batch is handed over behind the one that runs; a smaller one forms until that ends', async () => {
  const device = new DeviceWithRoom();
  const b = batcherOn(device);
  const all = [row(), row(), row(), row()].map((one) => b.submit(one));
  assert.deepEqual(device.started, [1], 'three more rows may find a fourth');
  all.push(b.submit(row()));
  assert.deepEqual(device.started, [1, 4]);
  all.push(b.submit(row()), b.submit(row()));
  await device.end();
  assert.deepEqual(device.started, [1, 4], 'two rows wait for mates as long as four others run');
  await device.end();
  assert.deepEqual(device.started, [1, 4, 2]);
  await device.end();
  await Promise.all(all);
});

test('A small batch is handed over shortly before the running one ends', async () => {
  const device = new DeviceWithRoom();
  device.predictedMs = 40;
  const b = batcherOn(device);
  const all = [b.submit(row()), b.submit(row())];
  assert.deepEqual(device.started, [1]);
  // A quarter of the time before the end, which the device here lets pass.
  while (device.started.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await device.end();
  await device.end();
  await Promise.all(all);
});

test('While somebody speaks no large batch comes before the next final, and nothing goes beside a suspect of a crash', async () => {
  const device = new DeviceWithRoom();
  device.predictedMs = 200;
  const b = batcherOn(device);
  const spoken = b.submit(row({ lane: 'live' }));
  const others = [row(), row(), row(), row()].map((one) => b.submit(one));
  assert.deepEqual(device.started, [1]);
  const final = b.submit(row({ lane: 'live', pcm: new Int16Array(20) }));
  await device.end();
  assert.deepEqual(device.started, [1, 1], 'the final leads');
  await device.end();
  await device.end();
  await Promise.all([spoken, final, ...others]);
  const suspect = b.submit(row({ alone: true }));
  const behind = [row(), row(), row(), row()].map((one) => b.submit(one));
  const started = device.started.length;
  await device.end();
  assert.equal(device.started.length, started + 1);
  await device.end();
  await Promise.all([suspect, ...behind]);
});

test('Busy and idle time of the device are counted where chunks were there, and no time where none was', async () => {
  const metrics = new Metrics();
  const device = new DeviceWithRoom();
  const b = batcherOn(device, new DeviceTimes(metrics));
  const value = async (name: string): Promise<number> => {
    const [found] = (await metrics.registry.getMetricsAsJSON()).flatMap((metric) =>
      metric.name === name ? metric.values.map((one) => one.value) : [],
    );
    return (found ?? 0) * 1_000;
  };
  const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const began = performance.now();
  const first = b.submit(row());
  await pass(40);
  await device.end(15);
  await first;
  const workMs = performance.now() - began;
  const busyMs = await value('asr_device_busy_seconds_total');
  const idleMs = await value('asr_device_idle_seconds_total');
  assert.equal(busyMs, 15);
  assert.ok(idleMs >= 24 && idleMs <= workMs - busyMs + 1, `${String(idleMs)} of ${String(workMs)} ms`);
  await pass(60);
  const again = performance.now();
  const second = b.submit(row());
  await device.end(0);
  await second;
  const addedMs = (await value('asr_device_idle_seconds_total')) - idleMs;
  assert.ok(addedMs <= performance.now() - again, `${String(addedMs)} ms were added for a pause without work`);
});
