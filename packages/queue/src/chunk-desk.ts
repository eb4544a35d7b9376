import { AsrError, decodeOptionsSchema, joinTexts, plannedChunkSchema, type ChunkResult, type DecodeOptions, type ErrorRecord, type Lane, type PlannedChunk } from '@murmuration/contracts';
import type { Redis } from 'ioredis';
import type { AudioStore } from './audio-store/audio-store.js';
import type { ChunkQueues } from './chunk-queue.js';
import { CANCELLED_CHANNEL, jobKeys } from './keys.js';
import { beginChunk, beginRun, endJob, takeResult } from './scripts/job-scripts.js';
import { command, runScript } from './scripts/script.js';

/** From this probability on the language of a chunk is that of the recording; … */
const SURE_LANGUAGE = 0.5;
/** … after so many chunks that of any is, for till then they go one by one. */
const UNSURE_CHUNKS = 3;

/** A chunk that this worker has picked up. */
export interface PickedUp {
  readonly job: string;
  readonly index: number;
  readonly lane: Lane;
  /** Counts the times the chunk was picked up; only the newest may write. */
  readonly fence: number;
  /** Times it was in a batch that never ended, because its worker died. */
  readonly crashes: number;
  readonly decode: DecodeOptions;
  readonly chunk: PlannedChunk;
  readonly pcm: Buffer;
  /** Text of the chunk before, of a job whose chunks continue each other; else ''. */
  readonly textBefore: string;
}

/** What became of a result: written, refused since another attempt owns the chunk, refused since it is there, or nobody wants it any more. */
export type Taken = 'ok' | 'stale' | 'duplicate' | 'gone';

/** A chunk's life as the worker sees it: picked up, run, then finished or failed. */
export class ChunkDesk {
  readonly #redis: Redis;
  readonly #queues: ChunkQueues;
  readonly #audio: AudioStore;

  constructor(redis: Redis, queues: ChunkQueues, audio: AudioStore) {
    this.#redis = redis;
    this.#queues = queues;
    this.#audio = audio;
  }

  /** Null when the chunk needs no work: done, cancelled, expired, or its audio is gone with its job. */
  async pickUp(job: string, index: number, lane: Lane): Promise<PickedUp | null> {
    const keys = jobKeys(job);
    const begin = command(this.#redis, beginChunk);
    const [begun, pcm] = await Promise.all([begin(keys.job, keys.chunks, keys.tries, keys.results, index), this.#audio.get(job, index)]);
    if (begun === null) return null;
    const [fence, crashes, decode, chunk, textBefore, accepted] = begun as [number, number, string, string, string, number];
    if (pcm === null) {
      // Nobody would ever notice otherwise: the job has no door, and no other attempt finds the audio either.
      if (accepted === 1) await this.#fail(job, new AsrError('transcription_failed', 'Audio of the recording was lost before it was transcribed. Submit the recording again.').toRecord());
      return null;
    }
    return {
      job, index, lane, fence, crashes, pcm, textBefore,
      decode: decodeOptionsSchema.parse(JSON.parse(decode)),
      chunk: plannedChunkSchema.parse(JSON.parse(chunk)),
    };
  }

  /** Writes the result, once; then the audio goes and the job's next chunks are queued on `slug`. */
  async finish(picked: PickedUp, result: ChunkResult, slug: string, window: number): Promise<Taken> {
    const keys = jobKeys(picked.job);
    const text = joinTexts(result.segments.map((segment) => segment.text));
    const found = picked.decode.language === null && result.language !== null && text !== '' && decidesLanguage(picked.index, result.languageProbability) ? JSON.stringify({ ...picked.decode, language: result.language }) : '';
    const [taken, ...next] = await runScript(this.#redis, takeResult, [
      keys.job, keys.tries, keys.results, keys.events, keys.pending, keys.chunks,
      picked.index, picked.fence, JSON.stringify(result), result.audioMs, window, keys.wake, found, text,
    ]) as [Taken, ...string[]];
    if (taken === 'stale') return taken;
    await Promise.all([
      this.#audio.delete(picked.job, picked.index),
      this.#queues.add(slug, next.map((index) => ({ job: picked.job, chunk: Number(index), lane: picked.lane }))),
    ]);
    return taken;
  }

  /** Says that the chunk's batch begins: should the worker die now, the chunk is under suspicion. Not waited for. */
  beginRun(picked: PickedUp): void {
    const keys = jobKeys(picked.job);
    runScript(this.#redis, beginRun, [keys.job, keys.tries, picked.index]).catch(() => undefined);
  }

  /** Fails the whole job because of this chunk. */
  async fail(picked: PickedUp, error: ErrorRecord): Promise<void> {
    await this.#fail(picked.job, error);
  }

  async #fail(job: string, error: ErrorRecord): Promise<void> {
    const keys = jobKeys(job);
    await runScript(this.#redis, endJob, [keys.job, keys.events, 'failed', JSON.stringify(error), keys.wake]);
    await this.#redis.publish(CANCELLED_CHANNEL, job);
  }
}

/** True when a chunk with text decides the language of a recording that asks for none: noise and music that became text have no sure language. */
function decidesLanguage(index: number, probability: number | null): boolean {
  return probability === null || probability >= SURE_LANGUAGE || index >= UNSURE_CHUNKS;
}

/** Calls back with the id of every job that is cancelled or failed anywhere. */
export async function onCancelled(subscriber: Redis, listener: (job: string) => void): Promise<void> {
  subscriber.on('message', (channel: string, job: string) => {
    if (channel === CANCELLED_CHANNEL) listener(job);
  });
  await subscriber.subscribe(CANCELLED_CHANNEL);
}
