import assert from 'node:assert/strict';
import { decodeOptionsSchema, liveSettingsSchema, type LiveEvent } from '@murmuration/contracts';
import { createLogger } from '@murmuration/runtime';
import { patientConnection, subscriberConnection, type Redis } from '../connections.js';
import { LiveEvents } from '../live/live-events.js';
import { LiveItems, type LiveItem } from '../live/live-items.js';
import type { LiveOwner, NewLive, PlannedUtterance } from '../live/live-record.js';
import type { ChangeAnswer, LiveChange } from '../live/live-change.js';
import { LiveStore } from '../live/live-store.js';
import { WakeChannels } from '../live/wake-channels.js';
import { TicketQueues } from '../work/ticket-queue.js';
import { TEST_MODEL } from './fixtures.js';
import { startRedis, type TestRedis } from './start-redis.js';

const logger = createLogger({ service: 'test', level: 'silent' });

/** Live sessions on a Redis of their own: what their owners, workers and viewers do. */
export class LiveSessions {
  readonly server: TestRedis;
  readonly redis: Redis;
  readonly store: LiveStore;
  readonly queues: TicketQueues;
  readonly items: LiveItems;
  readonly events: LiveEvents;
  readonly #subscriber: Redis;
  #nextId = 1;

  private constructor(server: TestRedis) {
    this.server = server;
    this.redis = patientConnection(server.url, logger);
    this.#subscriber = subscriberConnection(server.url, logger);
    this.store = new LiveStore(this.redis, { keepMs: 60_000, closedKeepMs: 60_000, leaseMs: 60_000 });
    this.queues = new TicketQueues(this.redis);
    this.items = new LiveItems(this.redis, this.queues, TEST_MODEL.slug);
    this.events = new LiveEvents(this.redis, new WakeChannels(this.#subscriber));
  }

  static async start(): Promise<LiveSessions> {
    return new LiveSessions(await startRedis());
  }

  async close(): Promise<void> {
    await this.queues.close();
    this.#subscriber.disconnect();
    await this.redis.quit();
    await this.server.close();
  }

  /** Begins a session; its owner is the relay `relay`, as `h1`. */
  async begin(): Promise<Owner> {
    const session: NewLive = {
      id: `s${String(this.#nextId++)}`,
      tokenHash: 'hash',
      owner: null,
      relay: 'relay',
      holder: 'h1',
      settings: liveSettingsSchema.parse({}),
      model: TEST_MODEL,
      decode: decodeOptionsSchema.parse({}),
    };
    await this.store.create(session);
    return new Owner(this.store, { ...session, epoch: 1 });
  }

  /** Takes an utterance by its ticket: the first time, or again. A session's tickets bring its utterances in order. */
  async pick(owner: Owner, utterance: number): Promise<LiveItem> {
    const [item] = await this.items.take({ job: owner.id, ticket: utterance + 1 });
    assert.equal(item?.index, utterance);
    return item;
  }

  finish(picked: LiveItem, text: string): Promise<string> {
    const { utterance, startMs, endMs, by } = picked.planned;
    return this.items.give(
      picked,
      {
        utterance,
        startMs,
        endMs,
        by,
        text,
        confidence: 1,
        words: [],
        filtered: [],
        language: 'en',
        languageProbability: null,
      },
      null,
    );
  }

  /** What viewers have been told until now. */
  async told(owner: Owner): Promise<LiveEvent[]> {
    const list: LiveEvent[] = [];
    const stopped = new AbortController();
    for await (const event of this.events.follow(
      owner.id,
      '0',
      AbortSignal.any([stopped.signal, AbortSignal.timeout(10_000)]),
    )) {
      list.push(event);
      if (event.id === (await this.events.latestId(owner.id))) stopped.abort();
    }
    return list;
  }
}

/** A session's owner that stores a second of audio a change. */
export class Owner implements LiveOwner {
  readonly id: string;
  readonly epoch: number;
  readonly holder: string;
  readonly #store: LiveStore;
  #samples: number;
  #op: string;
  #ops = 0;

  /** @param of what the store told of the session when it was taken */
  constructor(store: LiveStore, of: LiveOwner & { readonly positionSamples?: number; readonly op?: string }) {
    const { id, epoch, holder, positionSamples = 0, op = '' } = of;
    this.#store = store;
    this.id = id;
    this.epoch = epoch;
    this.holder = holder;
    this.#samples = positionSamples;
    this.#op = op;
  }

  get change(): LiveChange {
    const fromSamples = this.#samples;
    const pcm = new Uint8Array(new Int16Array(16_000).fill(fromSamples / 16_000 + 1).buffer);
    return {
      op: `${this.holder}.${String(this.#ops)}`,
      after: this.#op,
      fromSamples,
      toSamples: fromSamples + 16_000,
      pcm,
      sourceSamples: fromSamples + 16_000,
      decoder: null,
      snapshot: null,
      snapshotAtSamples: 0,
      keepFromSamples: fromSamples + 16_000,
      open: null,
      events: [],
      partialAfterSamples: 0,
      cleared: false,
      finish: null,
      renew: false,
    };
  }

  async append(more: Partial<LiveChange> = {}): Promise<ChangeAnswer> {
    const change = { ...this.change, ...more };
    const answer = await this.#store.change(this, change);
    this.#ops++;
    this.#op = change.op;
    this.#samples = change.toSamples;
    return answer;
  }

  /** A second of audio that is an utterance by itself. */
  async utter(utterance: number, more: Partial<LiveChange> = {}): Promise<void> {
    const planned: PlannedUtterance = {
      utterance,
      startSamples: this.#samples,
      samples: 16_000,
      startMs: this.#samples / 16,
      endMs: this.#samples / 16 + 1_000,
      by: 'silence',
    };
    await this.append({
      events: [
        { type: 'started', utterance, atMs: planned.startMs },
        { type: 'ended', planned },
      ],
      ...more,
    });
  }

  /** The open utterance, all of the audio so far. */
  open(utterance: number, endSamples: number): Partial<LiveChange> {
    return {
      open: { utterance, startSamples: 0, endSamples, speechStartSamples: 0, resting: false },
      keepFromSamples: 0,
      partialAfterSamples: 8_000,
    };
  }
}
