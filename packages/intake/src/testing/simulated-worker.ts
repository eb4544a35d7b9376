import type { ChunkResult, ModelCard } from '@murmuration/contracts';
import { ChunkDesk, ChunkQueues, ChunkWorker, FairShare, HandBack, JobStore, openAudioStore, patientConnection, publishCard } from '@murmuration/queue';
import type { Logger } from '@murmuration/runtime';

/** A model whose text is told by the audio's first sample. */
const SIMULATED_MODEL: ModelCard['model'] = {
  id: 'simulated', slug: 'simulated', family: 'simulated', languages: ['en'], tasks: ['transcribe'], wordTimes: 'none', detectsLanguage: false, dtype: 'none',
  chunkPolicy: { sampleRateHz: 16_000, maxChunkMs: 30_000, targetChunkMs: 10_000, packGapMs: 0, gridMs: 1_000, overlapMs: 0 },
};

/** A worker of a test: it holds each chunk until `open` and then answers at once. */
export class SimulatedWorker {
  readonly #close: () => Promise<void>;
  #open: Promise<void> = Promise.resolve();
  #letThrough: () => void = () => undefined;
  #closing = false;

  private constructor(close: () => Promise<void>) {
    this.#close = close;
  }

  static async start(redisUrl: string, logger: Logger, { recentSpeed = 100, holds = 4 } = {}): Promise<SimulatedWorker> {
    const redis = patientConnection(redisUrl, logger);
    const queues = new ChunkQueues(redis);
    const audio = await openAudioStore({ kind: 'redis', budgetBytes: 100_000_000 }, redis);
    const desk = new ChunkDesk(redis, queues, audio);
    const share = new FairShare(redis, new JobStore(redis, queues, audio, 30_000));
    const card: ModelCard = {
      workerId: 'w', model: SIMULATED_MODEL, device: 'simulated', gpu: null, sessions: 1, maxBatch: holds, holds, speed: 1, recentSpeed, memoryBytes: 1, startedAtMs: Date.now(), seenAtMs: Date.now(), draining: false,
    };
    await publishCard(redis, card);
    const heartbeat = setInterval(() => { publishCard(redis, card).catch(() => undefined); }, 1_000);
    const worker: SimulatedWorker = new SimulatedWorker(async () => {
      clearInterval(heartbeat);
      await chunks.close();
      await queues.close();
      redis.disconnect();
    });
    const chunks = new ChunkWorker(SIMULATED_MODEL.slug, redis, holds, {
      chunk: async (entry) => {
        const picked = await desk.pickUp(entry.job, entry.chunk, entry.lane);
        if (picked === null) return;
        await worker.#open;
        if (worker.#closing) throw new HandBack('closing');
        const word = picked.pcm.readInt16LE(0);
        if (word === POISON) await desk.fail(picked, { code: 'unprocessable_audio', message: 'poison', param: null, retryAfterSeconds: null });
        else await desk.finish(picked, resultOf(picked.index, word, picked.chunk.samples / 16), SIMULATED_MODEL.slug, await share.window(SIMULATED_MODEL.slug));
      },
      live: () => Promise.resolve(),
    }, { onFetch: () => undefined, onStalled: () => undefined, onError: () => undefined });
    return worker;
  }

  /** Holds every chunk from now on. */
  hold(): void {
    this.#open = new Promise((resolve) => { this.#letThrough = resolve; });
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
    startMs: startMs + fromMs, endMs: startMs + toMs, text, channel: 0, confidence: 1, avgLogprob: 0, noSpeechProb: 0, compressionRatio: 1, temperature: 0, tokens: [],
  });
  return {
    index, channel: 0, overlapMs: 0, audioMs, queueMs: 1, inferenceMs: 1, batchSize: 1, worker: 'w', filtered: [], language: 'en', languageProbability: 1,
    segments: [segment(`w${String(word)}`, 0, audioMs / 2), segment(`x${String(word)}`, audioMs / 2, audioMs)],
  };
}
