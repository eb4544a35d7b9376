import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { JobEvents, WakeChannels, subscriberConnection, type JobIdentity } from '@murmuration/store';
import type { BatcherRow } from '../scheduler/batcher.js';
import { ItemStore, itemWorker, rowOf, silentLogger } from '../testing/item-store.js';
import { UntilStored } from './result-writer.js';

const TEXT = 'the words that were said';
let store: ItemStore;

before(async () => {
  store = await ItemStore.start();
});

after(() => store.close());

/** Refuses every write from the end of a recognition on, for as long as a look every few milliseconds lasts. */
class Refusal {
  #left = 0;

  async begin(looks: number): Promise<void> {
    this.#left = looks;
    await store.redis.config('SET', 'min-replicas-to-write', '1');
  }

  /** Counts a refusal that was told; the last ends it. */
  told(): void {
    if (--this.#left === 0) void store.redis.config('SET', 'min-replicas-to-write', '0');
  }
}

/** Calls back with each refusal that the worker meets. */
function told(onRefused: () => void): UntilStored {
  const untilStored = new UntilStored(silentLogger);
  const call = untilStored.call.bind(untilStored);
  untilStored.call = (inner) =>
    call(async () =>
      inner().catch((error: unknown) => {
        onRefused();
        throw error;
      }),
    );
  return untilStored;
}

async function typesOf(job: JobIdentity): Promise<string[]> {
  const subscriber = subscriberConnection(store.url, silentLogger);
  const types: string[] = [];
  for await (const event of new JobEvents(store.redis, new WakeChannels(subscriber)).follow(
    job.id,
    '0',
    AbortSignal.timeout(20_000),
  )) {
    types.push(event.type);
    if (event.type === 'assembling') break;
  }
  subscriber.disconnect();
  return types;
}

test('keeps a result that the store refuses until it takes it, and fails no job for that', async () => {
  const job = await store.newJob('refused-result', 1);
  const refusal = new Refusal();
  const worker = itemWorker(
    store,
    async () => {
      await refusal.begin(3);
      return rowOf(TEXT);
    },
    told(() => {
      refusal.told();
    }),
  );
  await worker.handle({ job: job.id, ticket: 1, lane: 'interactive' });
  assert.deepEqual(await typesOf(job), ['result', 'assembling']);
  await store.jobs.remove(job);
});

test('keeps the failure of a model until the store takes it', async () => {
  const job = await store.newJob('refused-failure', 1);
  const refusal = new Refusal();
  const worker = itemWorker(
    store,
    async () => {
      await refusal.begin(2);
      throw new Error('the model broke');
    },
    told(() => {
      refusal.told();
    }),
  );
  await worker.handle({ job: job.id, ticket: 1, lane: 'interactive' });
  assert.deepEqual(await typesOf(job), ['failed']);
  await store.jobs.remove(job);
});

test('publishes a live final whole after the store has refused it', async () => {
  await store.newSession('s1', 1);
  const refusal = new Refusal();
  const worker = itemWorker(
    store,
    async () => {
      await refusal.begin(3);
      return rowOf(TEXT);
    },
    told(() => {
      refusal.told();
    }),
  );
  await worker.handle({ job: 's1', ticket: 1, lane: 'live' });
  const events = await store.told('s1');
  assert.deepEqual(
    events.map(([type]) => type),
    ['speech_started', 'speech_ended', 'final'],
  );
  assert.equal(events.at(-1)?.[1].text, TEXT);
});

test('tells what the store has lost of an utterance’s audio before the final of the rest', async () => {
  await store.newSession('s2', 1);
  // The first half of it is gone: what is left is one entry that ends where the utterance does.
  await store.redis.del('murm:{s.s2}:pcm');
  await store.redis.xadd('murm:{s.s2}:pcm', '16000-0', 'b', Buffer.alloc(16_000));
  const rows: BatcherRow[] = [];
  const worker = itemWorker(store, (row) => {
    rows.push(row);
    return Promise.resolve(rowOf(TEXT));
  });
  await worker.handle({ job: 's2', ticket: 1, lane: 'live' });
  assert.deepEqual(
    rows.map(({ pcm }) => pcm.length),
    [16_000],
  );
  const events = await store.told('s2');
  assert.deepEqual(
    events.map(([type]) => type),
    ['speech_started', 'speech_ended', 'error', 'final'],
  );
  assert.match(JSON.stringify(events[2]?.[1]), /500 ms of the audio of utterance 0 was lost/);
});
