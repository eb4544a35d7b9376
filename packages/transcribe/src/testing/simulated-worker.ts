import type { ChunkResult, ModelCard } from '@murmuration/contracts';
import {
  HandBack,
  TicketQueues,
  TicketWorker,
  WorkItems,
  openAudioStore,
  patientConnection,
  publishCard,
  type WorkItem,
} from '@murmuration/store';
import { TEST_MODEL } from '@murmuration/store/testing';
import type { Logger } from '@murmuration/runtime';

/** A model whose text is told by the audio's first sample. */
export const SIMULATED_MODEL = TEST_MODEL;

/** A worker of a test: it holds each chunk until `open` and then answers at once. */
export class SimulatedWorker {
  readonly #close: () => Promise<void>;
  #open: Promise<void> = Promise.resolve();
  #letThrough: () => void = () => undefined;
  #closing = false;

  private constructor(close: () => Promise<void>) {
    this.#close = close;
  }

  static async start(
    redisUrl: string,
    logger: Logger,
    { recentSpeed = 100, holds = 4 } = {},
  ): Promise<SimulatedWorker> {
    const redis = patientConnection(redisUrl, logger);
    const queues = new TicketQueues(redis);
    const audio = await openAudioStore({ kind: 'redis', url: redisUrl, budgetBytes: 100_000_000 }, redis, (url) =>
      patientConnection(url, logger),
    );
    const items = new WorkItems(redis, queues, SIMULATED_MODEL.slug);
    const card: ModelCard = {
      workerId: 'w',
      model: SIMULATED_MODEL,
      device: 'simulated',
      gpu: null,
      sessions: 1,
      maxBatch: holds,
      holds,
      speed: 1,
      recentSpeed,
      memoryBytes: 1,
      startedAtMs: Date.now(),
      seenAtMs: Date.now(),
      draining: false,
    };
    await publishCard(redis, card);
    const heartbeat = setInterval(() => {
      publishCard(redis, card).catch(() => undefined);
    }, 1_000);
    const worker: SimulatedWorker = new SimulatedWorker(async () => {
      clearInterval(heartbeat);
      await tickets.close();
      await queues.close();
      audio.close();
      redis.disconnect();
    });
    let held = 0;
    const transcribe = async (item: WorkItem): Promise<void> => {
      const pcm = await audio.get(item.job, item.index);
      if (pcm === null) {
        await items.fail(item, {
          code: 'transcription_failed',
          message: 'audio lost',
          param: null,
          retryAfterSeconds: null,
        });
        return;
      }
      await worker.#open;
      if (worker.#closing) throw new HandBack('closing');
      const word = pcm.readInt16LE(0);
      if (word === POISON) {
        await items.fail(item, {
          code: 'unprocessable_audio',
          message: 'poison',
          param: null,
          retryAfterSeconds: null,
        });
        return;
      }
      const [taken] = await items.give([{ item, result: resultOf(item.index, word, item.chunk.samples / 16) }]);
      // Audio of an item that another attempt holds is that attempt's.
      if (taken !== 'stale') await audio.delete(item.job, item.index);
    };
    const tickets: TicketWorker = new TicketWorker(
      SIMULATED_MODEL.slug,
      redis,
      {
        ticket: async (ticket) => {
          const taken = await items.take(ticket, Math.max(1, holds - held));
          held += taken.length;
          const ended = await Promise.allSettled(taken.map(transcribe));
          held -= taken.length;
          tickets.roomChanged();
          for (const each of ended) if (each.status === 'rejected') throw each.reason;
        },
        partial: () => Promise.resolve(),
        hasRoom: () => held < holds,
      },
      { onFetch: () => undefined, onStalled: () => undefined, onError: () => undefined },
    );
    return worker;
  }

  /** Holds every chunk from now on. */
  hold(): void {
    this.#open = new Promise((resolve) => {
      this.#letThrough = resolve;
    });
  }

  /** Lets all go that are held. */
  open(): void {
    this.#letThrough();
    this.#open = Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#letThrough();
    await this.#close();
  }
}

/** First sample of audio that the model cannot work on. */
export const POISON = 666;

function resultOf(index: number, word: number, audioMs: number): ChunkResult {
  const startMs = index * audioMs;
  const segment = (text: string, fromMs: number, toMs: number): ChunkResult['segments'][number] => ({
    startMs: startMs + fromMs,
    endMs: startMs + toMs,
    text,
    channel: 0,
    confidence: 1,
    avgLogprob: 0,
    noSpeechProb: 0,
    compressionRatio: 1,
    temperature: 0,
    tokens: [],
  });
  return {
    index,
    channel: 0,
    overlapMs: 0,
    audioMs,
    queueMs: 1,
    inferenceMs: 1,
    batchSize: 1,
    worker: 'w',
    filtered: [],
    language: 'en',
    languageProbability: 1,
    segments: [segment(`w${String(word)}`, 0, audioMs / 2), segment(`x${String(word)}`, audioMs / 2, audioMs)],
  };
}
