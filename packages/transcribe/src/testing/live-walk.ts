import { randomUUID } from 'node:crypto';
import { decodeOptionsSchema, liveSettingsSchema, type LiveEvent, type ModelDescription } from '@murmuration/contracts';
import {
  LiveItems,
  LiveEvents,
  LiveStore,
  TicketQueues,
  WakeChannels,
  patientConnection,
  subscriberConnection,
  type LiveChange,
  type RedisAddress,
} from '@murmuration/store';
import type { Logger } from '@murmuration/runtime';

const KEEP_MS = 60_000;
const HOLDER = 'holder';
const SECOND_SAMPLES = 16_000;

/** A live session's owner, worker and viewer in one, on connections of their own. Every second of its audio is an utterance. */
export class LiveWalk {
  readonly id = randomUUID();
  readonly #redis: ReturnType<typeof patientConnection>;
  readonly #subscriber: ReturnType<typeof subscriberConnection>;
  readonly #store: LiveStore;
  readonly #queues: TicketQueues;
  readonly #items: LiveItems;
  readonly #events: LiveEvents;
  #told: Promise<LiveEvent[]> = Promise.resolve([]);
  #seconds = 0;

  private constructor(address: RedisAddress, logger: Logger, slug: string) {
    this.#redis = patientConnection(address, logger);
    this.#subscriber = subscriberConnection(address, logger);
    this.#store = new LiveStore(this.#redis, { keepMs: KEEP_MS, closedKeepMs: KEEP_MS, leaseMs: KEEP_MS });
    this.#queues = new TicketQueues(this.#redis);
    this.#items = new LiveItems(this.#redis, this.#queues, slug);
    this.#events = new LiveEvents(this.#redis, new WakeChannels(this.#subscriber));
  }

  static async open(address: RedisAddress, logger: Logger, model: ModelDescription): Promise<LiveWalk> {
    const walk = new LiveWalk(address, logger, model.slug);
    await walk.#store.create({
      id: walk.id,
      tokenHash: 'hash',
      owner: null,
      relay: 'relay',
      holder: HOLDER,
      settings: liveSettingsSchema.parse({}),
      model,
      decode: decodeOptionsSchema.parse({}),
    });
    walk.#told = walk.#follow();
    return walk;
  }

  async #follow(): Promise<LiveEvent[]> {
    const told: LiveEvent[] = [];
    for await (const event of this.#events.follow(this.id, '0', AbortSignal.timeout(KEEP_MS))) told.push(event);
    return told;
  }

  /** Stores another second, and answers its final. @param end true when nothing comes after it */
  async say(text: string, end = false): Promise<void> {
    const utterance = this.#seconds++;
    const [fromSamples, toSamples] = [utterance * SECOND_SAMPLES, (utterance + 1) * SECOND_SAMPLES];
    const times = {
      startMs: utterance * 1_000,
      endMs: (utterance + 1) * 1_000,
      by: end ? 'finish' : 'silence',
    } as const;
    const change: LiveChange = {
      op: opOf(utterance),
      after: utterance === 0 ? '' : opOf(utterance - 1),
      fromSamples,
      toSamples,
      pcm: new Uint8Array(new Int16Array(SECOND_SAMPLES).fill(utterance + 1).buffer),
      sourceSamples: toSamples,
      decoder: null,
      snapshot: null,
      snapshotAtSamples: 0,
      keepFromSamples: toSamples,
      open: null,
      partialAfterSamples: 0,
      cleared: false,
      finish: end ? 'finished' : null,
      renew: true,
      events: [
        { type: 'started', utterance, atMs: times.startMs },
        { type: 'ended', planned: { utterance, startSamples: fromSamples, samples: SECOND_SAMPLES, ...times } },
      ],
    };
    const answer = await this.#store.change({ id: this.id, epoch: 1, holder: HOLDER }, change);
    if (answer.outcome !== 'ok') throw new Error(`the store answers ${answer.outcome}`);
    const [item] = answer.ticket === null ? [] : await this.#items.take({ job: this.id, ...answer.ticket });
    if (item === undefined) throw new Error('the utterance has no ticket');
    const { pcm } = await this.#items.pcm(item);
    if (pcm.readInt16LE(0) !== utterance + 1 || pcm.length !== SECOND_SAMPLES * 2)
      throw new Error('the audio of the utterance is not what was stored');
    const taken = await this.#items.give(
      item,
      { utterance, ...times, text, confidence: 1, words: [], filtered: [], language: 'en', languageProbability: null },
      null,
    );
    if (taken !== 'ok') throw new Error(`the final is ${taken}`);
  }

  /** What viewers were told, once the session has closed. */
  async finals(): Promise<string[]> {
    return (await this.#told).flatMap((event) => (event.type === 'final' ? [event.text] : []));
  }

  /** Sessions that the list names. */
  async listed(): Promise<string[]> {
    return (await this.#store.list('everybody')).map((session) => session.id);
  }

  /** Port of the server that it stores at. */
  async serverPort(): Promise<number> {
    return Number(/^tcp_port:(\d+)/m.exec(await this.#redis.info('server'))?.[1]);
  }

  close(): void {
    this.#subscriber.disconnect();
    this.#redis.disconnect();
  }
}

function opOf(utterance: number): string {
  return `${HOLDER}.${String(utterance)}`;
}
