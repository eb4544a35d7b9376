import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { WorkTicket } from '@murmuration/contracts';
import { ItemStore, connect, disconnect, itemWorker, rowOf } from '../testing/item-store.js';
import type { TranscribeItems } from './transcribe-items.js';

// Every call that a worker makes to the store goes wrong once, one place after another, on a real Redis: what the work comes to is the same.

const ITEMS = 3;
let store: ItemStore;
let worker: FaultyWorker;

/** How a call goes wrong: the server does not do it, the server does it and its answer is lost, or the connection sends it again by itself and it is done twice. */
type Fault = 'refused' | 'unanswered' | 'repeated';

/** What ioredis sends. */
interface Command {
  readonly name: string;
  readonly args: string[];
  readonly promise: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

interface Sender {
  sendCommand(command: Command, stream?: unknown): unknown;
}

/** A worker whose connection does one call wrong. */
class FaultyWorker {
  readonly #connected: Awaited<ReturnType<typeof connect>>;
  readonly items: TranscribeItems;
  #calls = 0;
  #at = -1;
  #fault: Fault = 'refused';

  private constructor(connected: Awaited<ReturnType<typeof connect>>) {
    this.#connected = connected;
    this.items = itemWorker(connected, (row) => {
      row.onRun();
      return Promise.resolve(rowOf(`item ${String(row.pcm[0])}`));
    });
    const sender = connected.redis as unknown as Sender;
    const send = sender.sendCommand.bind(sender);
    sender.sendCommand = (command, stream) => {
      if (this.#calls++ !== this.#at) return send(command, stream);
      if (this.#fault === 'refused') {
        command.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."));
        return command.promise;
      }
      if (this.#fault === 'unanswered') {
        command.resolve = () => {
          command.reject(new Error('Connection is closed.'));
        };
        return send(command, stream);
      }
      store.redis
        .call(command.name, ...command.args)
        .catch(() => undefined)
        .finally(() => {
          send(command, stream);
        });
      return command.promise;
    };
  }

  static async open(url: string): Promise<FaultyWorker> {
    return new FaultyWorker(await connect(url));
  }

  /** The call of that number goes wrong from now on. */
  spoil(at: number, fault: Fault): void {
    this.#calls = 0;
    this.#at = at;
    this.#fault = fault;
  }

  get calls(): number {
    return this.#calls;
  }

  async close(): Promise<void> {
    this.#at = -1;
    await disconnect(this.#connected);
  }
}

before(async () => {
  store = await ItemStore.start();
  worker = await FaultyWorker.open(store.url);
});

after(async () => {
  await worker.close();
  await store.close();
});

/** Works on the tickets that the store names until there are none, as worker and owner do together. */
async function work(
  job: string,
  lane: WorkTicket['lane'],
  tickets: () => Promise<{ ticket: number }[]>,
): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const due = await tickets();
    if (due.length === 0) return;
    await Promise.all(due.map(({ ticket }) => worker.items.handle({ job, ticket, lane })));
  }
  assert.fail('the work does not end');
}

const USERS = {
  async recording(id: string): Promise<unknown> {
    const job = await store.newJob(id, ITEMS);
    await work(id, 'interactive', () => store.jobs.tickets(job));
    const entries = await store.redis.xrange(`murm:{j.${id}}:events`, '-', '+');
    const [state, held] = await store.redis.hmget(`murm:{j.${id}}:job`, 'state', 'held');
    const told = entries.map(([, [, type, , result]]) =>
      type === 'result' ? (JSON.parse(result ?? '') as { segments: { text: string }[] }).segments[0]?.text : type,
    );
    return { told, state, held };
  },
  async speech(id: string): Promise<unknown> {
    await store.newSession(id, ITEMS, (utterance) => ({ finish: utterance === ITEMS - 1 ? 'finished' : null }));
    await work(id, 'live', () => store.sessions.tickets(id));
    const [state, held] = await store.redis.hmget(`murm:{s.${id}}:session`, 'state', 'held');
    const told = (await store.told(id)).map(([type, { text }]) => (type === 'final' ? text : type));
    return { told, state, held };
  },
};

const SPEECH = ['speech_started', 'speech_ended'];
const RIGHT = {
  recording: { told: ['item 0', 'item 1', 'item 2', 'assembling'], state: 'assembling', held: '0' },
  speech: {
    told: [...SPEECH, ...SPEECH, ...SPEECH, 'item 0', 'item 1', 'item 2', 'closed'],
    state: 'closed',
    held: '0',
  },
};

for (const user of ['recording', 'speech'] as const)
  for (const fault of ['refused', 'unanswered', 'repeated'] as const)
    test(
      `a ${user} comes to the same text whichever call of its worker to the store is ${fault}`,
      { timeout: 120_000 },
      async () => {
        worker.spoil(-1, fault);
        assert.deepEqual(await USERS[user](`${user}-${fault}`), RIGHT[user]);
        const { calls } = worker;
        assert.ok(calls > 8, String(calls));
        for (let at = 0; at < calls; at++) {
          worker.spoil(at, fault);
          assert.deepEqual(await USERS[user](`${user}-${fault}-${String(at)}`), RIGHT[user], `call ${String(at)}`);
        }
      },
    );
