import {
  chunkResultSchema,
  type ChunkResult,
  type ErrorRecord,
  type JobState,
  type JobId,
} from '@murmuration/contracts';
import type { Redis } from './connections.js';
import { jobKeys } from './keys.js';
import type { WakeChannels } from './live/wake-channels.js';

/** An entry of a job's stream, with the id to continue from. */
export type StreamedEvent =
  | { readonly id: string; readonly type: 'accepted' }
  | {
      readonly id: string;
      readonly type: 'result';
      readonly result: ChunkResult;
      readonly doneMs: number;
      readonly plannedMs: number;
    }
  | { readonly id: string; readonly type: 'assembling' }
  | { readonly id: string; readonly type: 'done' }
  | { readonly id: string; readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly id: string; readonly type: 'cancelled' };

/** Looks by itself this often, in case a wake-up was lost with a connection; milliseconds. */
const LOOK_EVERY_MS = 1_000;
const PAGE = 100;
const ENDED: ReadonlySet<string> = new Set<JobState>(['done', 'failed', 'cancelled']);

/** Reads jobs' streams; one subscription connection serves all readers of a node. */
export class JobEvents {
  readonly #redis: Redis;
  readonly #channels: WakeChannels;

  /** The connection stays the caller's. */
  constructor(redis: Redis, channels: WakeChannels) {
    this.#redis = redis;
    this.#channels = channels;
  }

  /**
   * Events after `afterId` ('0' for all), in order, until the job has ended (`done`, `failed`, `cancelled`), it or its stream is gone, or `signal` aborts; then it returns.
   * A job that somebody waits for is never `done`: it has all its results when it is `assembling`. Throws what Redis throws.
   */
  async *follow(job: JobId, afterId: string, signal: AbortSignal): AsyncGenerator<StreamedEvent> {
    const keys = jobKeys(job);
    let woken = true;
    let wake: () => void = () => undefined;
    const isWoken = (): boolean => woken;
    const onWake = (): void => {
      woken = true;
      wake();
    };
    const unlisten = this.#channels.listen(keys.wake, onWake);
    signal.addEventListener('abort', onWake);
    try {
      let last = afterId;
      let gone = false;
      while (!signal.aborted) {
        woken = false;
        const entries = await this.#redis.xrange(keys.events, `(${last}`, '+', 'COUNT', PAGE);
        for (const [id, fields] of entries) {
          const event = parseEvent(id, fields);
          last = id;
          yield event;
          if (isEnd(event)) return;
        }
        if (entries.length > 0) continue;
        if (gone) return;
        // A wake-up may have come between the read and here.
        if (!isWoken())
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, LOOK_EVERY_MS);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        if (isWoken()) continue;
        // The manifest, and the stream of a job that has ended, go after the last event is written, so one more look finds all.
        const state = await this.#redis.hget(keys.job, 'state');
        gone = state === null || (ENDED.has(state) && (await this.#redis.exists(keys.events)) === 0);
      }
    } finally {
      signal.removeEventListener('abort', onWake);
      unlisten();
    }
  }
}

/** True when nothing comes after the event. */
export function isEnd(event: StreamedEvent): boolean {
  return event.type === 'done' || event.type === 'failed' || event.type === 'cancelled';
}

/** Reads an entry of a job's stream. Throws for one that is none. */
export function parseEvent(id: string, fields: string[]): StreamedEvent {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) map.set(fields[i] ?? '', fields[i + 1] ?? '');
  switch (map.get('type')) {
    case 'result':
      return {
        id,
        type: 'result',
        result: chunkResultSchema.parse(JSON.parse(map.get('result') ?? '')),
        doneMs: Number(map.get('doneMs')),
        plannedMs: Number(map.get('plannedMs')),
      };
    case 'failed':
      return { id, type: 'failed', error: JSON.parse(map.get('error') ?? '') as ErrorRecord };
    case 'cancelled':
      return { id, type: 'cancelled' };
    case 'accepted':
      return { id, type: 'accepted' };
    case 'done':
      return { id, type: 'done' };
    default:
      return { id, type: 'assembling' };
  }
}
