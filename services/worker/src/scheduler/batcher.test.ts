import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeOptionsSchema, type Recognition } from '@murmuration/contracts';
import { HandBack } from '@murmuration/store';
import type { BatchResult, BatchRow, BatchRunner } from './batch-runner.js';
import { Batcher, type BatcherRow } from './batcher.js';

/** A device of the test's own: batches end when the test says so. */
class HeldDevice implements BatchRunner {
  readonly sessions = 1;
  readonly batchSizes = [1, 2, 4];
  readonly mixesLengths = false;
  readonly started: BatchRow[][] = [];
  #end: ((failure: Error | null) => void) | null = null;

  get idleSessions(): number {
    return this.#end === null ? 1 : 0;
  }

  paddedSamples(samples: number): number {
    return Math.ceil(samples / 100) * 100;
  }

  predictMs(): number {
    return 1;
  }

  run(batch: readonly BatchRow[]): Promise<BatchResult> {
    assert.equal(this.#end, null, 'a batch was started on a busy session');
    this.started.push([...batch]);
    return new Promise((resolve, reject) => {
      this.#end = (failure) => {
        this.#end = null;
        if (failure === null)
          resolve({
            recognitions: batch.map((row) => recognition(String(row.pcm.length))),
            inferenceMs: 8,
            deviceMs: 6,
          });
        else reject(failure);
      };
    });
  }

  /** Ends the running batch and lets what follows from it happen. */
  async end(failure: Error | null = null): Promise<void> {
    assert.ok(this.#end !== null, 'no batch is running');
    this.#end(failure);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function recognition(text: string): Recognition {
  const segment = {
    startMs: 0,
    endMs: 1,
    text,
    channel: 0,
    confidence: 1,
    avgLogprob: 0,
    noSpeechProb: 0,
    compressionRatio: 1,
    temperature: 0,
    tokens: [],
  };
  return { segments: [segment], filtered: [], language: 'en', languageProbability: 1 };
}

function row(samples: number, more: Partial<BatcherRow> = {}): BatcherRow {
  return {
    pcm: new Int16Array(samples),
    options: decodeOptionsSchema.parse({}),
    cancelled: () => false,
    lane: 'interactive',
    alone: false,
    onRun: () => undefined,
    ...more,
  };
}

function batcher(device: HeldDevice): Batcher {
  return new Batcher(device, {
    maxBatchMs: 250,
    onBatch: () => undefined,
    outOfMemory: (error) => error instanceof RangeError,
  });
}

test('A row starts at once on an idle device, the next batch forms while it runs, and each row gets its own text', async () => {
  const device = new HeldDevice();
  const b = batcher(device);
  const results = [b.submit(row(50)), b.submit(row(60)), b.submit(row(150)), b.submit(row(70))];
  assert.deepEqual(
    device.started.map((batch) => batch.length),
    [1],
  );
  await device.end();
  await device.end();
  await device.end();
  assert.deepEqual(
    device.started.map((batch) => batch.map((r) => r.pcm.length)),
    [[50], [60, 70], [150]],
  );
  assert.deepEqual(
    (await Promise.all(results)).map((r) => r.recognition.segments[0]?.text),
    ['50', '60', '150', '70'],
  );
});

test('A batch that fails is tried again row by row, so that one row cannot fail its mates', async () => {
  const device = new HeldDevice();
  const b = batcher(device);
  const first = b.submit(row(10));
  const pair = Promise.allSettled([b.submit(row(20)), b.submit(row(30))]);
  await device.end();
  await first;
  await device.end(new Error('bad row'));
  await device.end(new Error('bad row'));
  await device.end();
  const [bad, good] = await pair;
  assert.equal(bad.status, 'rejected');
  assert.equal(good.status, 'fulfilled');
});

test('No more partials are taken in than a batch holds, so that they never fill the worker', async () => {
  const device = new HeldDevice();
  const b = batcher(device);
  const all = [b.submit(row(10))];
  for (let waiting = 0; waiting < 4; waiting++) {
    assert.equal(b.hasRoomForPartial, true);
    all.push(b.submit(row(20, { lane: 'live', partial: true })));
  }
  assert.equal(b.hasRoomForPartial, false);
  await device.end();
  assert.equal(b.hasRoomForPartial, true);
  await device.end();
  await Promise.all(all);
});

test('When memory runs out the batch is halved, also the next time', async () => {
  const device = new HeldDevice();
  const b = batcher(device);
  const all = [b.submit(row(10)), ...Array.from({ length: 4 }, () => b.submit(row(20)))];
  await device.end();
  await device.end(new RangeError('out of memory'));
  await device.end();
  await device.end();
  assert.deepEqual(
    device.started.map((batch) => batch.length),
    [1, 4, 2, 2],
  );
  await Promise.all(all);
});

test('A row that is cancelled while it waits is dropped before it costs inference', async () => {
  const device = new HeldDevice();
  const b = batcher(device);
  let gone = false;
  const kept = b.submit(row(10));
  const dropped = b.submit(row(20, { cancelled: () => gone }));
  gone = true;
  await Promise.all([assert.rejects(dropped, { code: 'cancelled' }), device.end()]);
  await kept;
  assert.equal(device.started.length, 1);
});

test('Draining finishes the batch in progress and hands back the rest', async () => {
  const device = new HeldDevice();
  const b = batcher(device);
  const running = b.submit(row(10));
  const waiting = b.submit(row(20));
  const handedBack = assert.rejects(waiting, HandBack);
  const drained = b.drain();
  await handedBack;
  await assert.rejects(b.submit(row(30)), HandBack);
  await device.end();
  await running;
  await drained;
});
