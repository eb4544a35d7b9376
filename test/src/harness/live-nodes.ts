import { join } from 'node:path';
import { liveSettingsSchema, type LiveEvent, type LiveSettings } from '@murmuration/contracts';
import { Live, ModelRegistry, type LiveLimits, type LiveSession } from '@murmuration/transcribe';
import { WakeChannels, impatientConnection, subscriberConnection } from '@murmuration/store';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { ROOT, ServiceProcess } from './service-process.js';
import { bytesOf, sharedClip } from './speech.js';
import { joined, pcmOf } from './wav.js';

const LIMITS: LiveLimits = {
  maxSessions: 100,
  idleTimeoutMs: 60_000,
  maxSessionMs: 3_600_000,
  idleEndpointingMs: 1_000,
  graceMs: 60_000,
};

/** A Redis, a worker process and relays' sessions without their API nodes, in this process. */
export class LiveNodes {
  readonly redis: TestRedis;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #workers: ServiceProcess[] = [];
  readonly #nodes: Live[] = [];
  readonly #connections: { disconnect(): void }[] = [];

  private constructor(redis: TestRedis, environment: Readonly<Record<string, string>>) {
    this.redis = redis;
    this.#environment = environment;
  }

  /** @param environment of the workers; the simulated device unless it says otherwise */
  static async start(
    environment: Readonly<Record<string, string>> = { DEVICE: 'simulated' },
    workers = 1,
  ): Promise<LiveNodes> {
    const nodes = new LiveNodes(await startRedis(), environment);
    for (let count = 0; count < workers; count++) await nodes.addWorker();
    return nodes;
  }

  async addWorker(): Promise<ServiceProcess> {
    const worker = await ServiceProcess.start('worker', { REDIS_URL: this.redis.url, ...this.#environment });
    this.#workers.push(worker);
    return worker;
  }

  /** Ends the first worker the way a crash does. */
  async killFirstWorker(): Promise<void> {
    await this.#workers.shift()?.end('SIGKILL');
  }

  async addNode(relay: string, limits: Partial<LiveLimits> = {}): Promise<Live> {
    const logger = createLogger({ service: 'test', level: 'silent' });
    const subscriber = subscriberConnection(this.redis.url, logger);
    const redis = impatientConnection(this.redis.url, logger);
    this.#connections.push(subscriber, redis);
    const live = await Live.start({
      redis: this.redis.url,
      channels: new WakeChannels(subscriber),
      relay,
      defaultModel: null,
      registry: new ModelRegistry(redis, null),
      workerWaitMs: 10_000,
      speech: { threads: 1, vadModelPath: join(ROOT, '.murmuration/models/silero-vad/silero_vad_v6.onnx') },
      limits: { ...LIMITS, ...limits },
      logger,
    });
    this.#nodes.push(live);
    return live;
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((live) => live.close()));
    for (const connection of this.#connections) connection.disconnect();
    await Promise.all(this.#workers.map((worker) => worker.end()));
    await this.redis.close();
  }
}

/** Two nodes of one Redis with a worker, and three clips of speech in a row. */
export interface LivePair {
  readonly nodes: LiveNodes;
  readonly first: Live;
  readonly second: Live;
  readonly speech: Int16Array;
}

/** The nodes stay the caller's to close. Throws where the shared speech is not there. */
export async function startLivePair(): Promise<LivePair> {
  const nodes = await LiveNodes.start();
  const [first, second] = [await nodes.addNode('first'), await nodes.addNode('second')];
  const clips = await Promise.all(
    ['jfk.wav', 'harvard-spk1-1.wav', 'harvard-spk1-2.wav'].map(async (name) => pcmOf(await bytesOf(sharedClip(name)))),
  );
  return { nodes, first, second, speech: joined(clips, 900) };
}

/** Opens a session that belongs to nobody. */
export function openLive(live: Live, settings: Partial<LiveSettings> = {}): Promise<LiveSession> {
  return live.open({ settings: liveSettingsSchema.parse(settings), owner: null, signal: AbortSignal.timeout(20_000) });
}

/** All events after `afterId` until the session has closed. */
export async function allEvents(session: LiveSession, afterId = '0', limitMs = 60_000): Promise<LiveEvent[]> {
  const list: LiveEvent[] = [];
  for await (const event of session.events(afterId, AbortSignal.timeout(limitMs))) list.push(event);
  return list;
}

export type Final = Extract<LiveEvent, { type: 'final' }>;

export function finalsOf(events: readonly LiveEvent[]): Final[] {
  return events.filter((one) => one.type === 'final');
}

/** Sends bytes in pieces of a size. */
export async function send(session: LiveSession, bytes: Uint8Array, pieceBytes = 6_400): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) await session.push(bytes.subarray(at, at + pieceBytes));
}

/** Sends a recording through a session of its own; all events of it. */
export async function whole(
  live: Live,
  bytes: Uint8Array,
  settings: Parameters<typeof openLive>[1],
  pieceBytes?: number,
): Promise<LiveEvent[]> {
  const session = await openLive(live, settings);
  const events = allEvents(session);
  await send(session, bytes, pieceBytes);
  await session.finish();
  return events;
}

/** What was said, of all finals: to compare two sessions by. */
export function heard(events: readonly LiveEvent[]): unknown {
  return finalsOf(events).map(({ utterance, startMs, endMs, text, by }) => ({ utterance, startMs, endMs, text, by }));
}
