import { MurmurationError, type Job, type JobOptions } from '@murmuration/client';
import { keepAudio } from '../audio-shelf.ts';
import { uploadClient } from '../settings.tsx';

export type UploadState = 'waiting' | 'full' | 'sending' | 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export type Source = { readonly file: File } | { readonly url: string };

/** A recording on its way to being a transcript. `id` is its job's. */
export interface UploadItem {
  readonly id: string;
  readonly name: string;
  readonly source: Source;
  readonly options: JobOptions;
  /** Until when its sound stays in this browser, Unix milliseconds; null: as long as the tab. */
  readonly keepUntilMs: number | null;
  readonly state: UploadState;
  readonly job: Job | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** When it is sent again, Unix milliseconds. */
  readonly retryAtMs: number | null;
  readonly failures: number;
}

/** A browser has six connections to a server: three send, the rest ask. */
const SENDING = 3;
const POLL_MS = 1_000;
/** Jobs that are asked for by themselves in a poll, because the list does not have them. */
const ASKED = 4;
const AWAY_RETRY_SECONDS = 5;
const MOST_FAILURES = 20;

export function isOver(state: UploadState): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

/**
 * The recordings of this tab. It outlives the view, so that one may look elsewhere meanwhile.
 * waiting --a place is free--> sending --accepted--> queued --begun--> running --> done, failed, cancelled
 * sending --server full, server away--> full --its time has come--> sending
 */
class UploadStore {
  #items: readonly UploadItem[] = [];
  #client = uploadClient(null);
  readonly #listeners = new Set<() => void>();
  readonly #sending = new Map<string, AbortController>();
  #isPolling = false;
  #wake: ReturnType<typeof setTimeout> | undefined;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
  readonly items = (): readonly UploadItem[] => this.#items;

  useKey(apiKey: string | null): void {
    this.#client = uploadClient(apiKey);
    this.#pump();
  }

  add(sources: readonly Source[], options: JobOptions, keepUntilMs: number | null): void {
    const added = sources.map((source) => newItem(source, options, keepUntilMs));
    this.#set([...this.#items, ...added]);
    this.#pump();
  }

  cancel(id: string): void {
    const item = this.#items.find((one) => one.id === id);
    if (item === undefined || isOver(item.state)) return;
    const wasSending = this.#sending.get(id);
    wasSending?.abort(new Error('cancelled'));
    this.#change(id, { state: 'cancelled', retryAtMs: null });
    if (wasSending !== undefined || item.state === 'queued' || item.state === 'running')
      void this.#client.jobs.cancel(id).catch(() => undefined);
    this.#pump();
  }

  cancelAll(): void {
    for (const { id } of this.#items) this.cancel(id);
  }

  /** Sends the recording once more, as a new job. */
  retry(id: string): void {
    this.#set(
      this.#items.map((item) => (item.id === id ? newItem(item.source, item.options, item.keepUntilMs) : item)),
    );
    this.#pump();
  }

  remove(id: string): void {
    this.cancel(id);
    this.#set(this.#items.filter((item) => item.id !== id));
  }

  removeFinished(): void {
    this.#set(this.#items.filter(({ state }) => !isOver(state)));
  }

  #set(items: readonly UploadItem[]): void {
    this.#items = items;
    for (const listener of this.#listeners) listener();
  }

  #change(id: string, change: Partial<UploadItem>): void {
    this.#set(this.#items.map((item) => (item.id === id ? { ...item, ...change } : item)));
  }

  #pump(): void {
    clearTimeout(this.#wake);
    const now = Date.now();
    for (const item of this.#items) {
      if (this.#sending.size >= SENDING) return;
      const isDue = item.state === 'waiting' || (item.state === 'full' && (item.retryAtMs ?? 0) <= now);
      if (isDue && !this.#sending.has(item.id)) void this.#send(item);
    }
    const next = Math.min(
      ...this.#items.flatMap(({ state, retryAtMs }) => (state === 'full' ? [retryAtMs ?? now] : [])),
    );
    if (Number.isFinite(next))
      this.#wake = setTimeout(
        () => {
          this.#pump();
        },
        Math.max(100, next - now),
      );
  }

  async #send(item: UploadItem): Promise<void> {
    const controller = new AbortController();
    this.#sending.set(item.id, controller);
    this.#change(item.id, { state: 'sending', retryAtMs: null });
    this.#poll();
    try {
      const recording = 'file' in item.source ? item.source.file : { url: item.source.url };
      const job = await this.#client.jobs.create(recording, {
        ...item.options,
        id: item.id,
        // The same for each attempt, so that one whose answer was lost makes no second job.
        idempotencyKey: item.id,
        metadata: { name: item.name.slice(0, 500) },
        signal: controller.signal,
      });
      if ('file' in item.source) await keepAudio(item.id, item.source.file, item.keepUntilMs);
      this.#take(job);
    } catch (error) {
      if (!controller.signal.aborted) this.#failed(item, error);
    } finally {
      this.#sending.delete(item.id);
      this.#pump();
    }
  }

  #failed(item: UploadItem, error: unknown): void {
    const fault =
      error instanceof MurmurationError
        ? error
        : new MurmurationError('unknown', error instanceof Error ? error.message : String(error));
    const failures = item.failures + 1;
    const isPassing =
      fault.code !== 'insufficient_quota' &&
      (fault.code === 'unreachable' || fault.status === 429 || fault.status === 503 || fault.status === 408);
    const told = { code: fault.code, message: fault.message };
    if (!isPassing || failures > MOST_FAILURES) this.#change(item.id, { state: 'failed', error: told, failures });
    else
      this.#change(item.id, {
        state: 'full',
        error: told,
        failures,
        retryAtMs: Date.now() + 1_000 * (fault.retryAfterSeconds ?? AWAY_RETRY_SECONDS),
      });
  }

  /** What the server says of a job. */
  #take(job: Job): void {
    const item = this.#items.find(({ id }) => id === job.id);
    if (item === undefined || isOver(item.state)) return;
    const isStillSending = this.#sending.has(job.id) && job.accepted_at === null;
    const state = job.status === 'receiving' || isStillSending ? 'sending' : job.status;
    this.#change(job.id, { job, state, error: job.error });
  }

  /** Asks for all jobs that are not over, once a second, while there are any. */
  #poll(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    const round = async (): Promise<void> => {
      const wanted = new Set(
        this.#items
          .filter(({ state }) => state === 'sending' || state === 'queued' || state === 'running')
          .map(({ id }) => id),
      );
      if (wanted.size === 0 && this.#sending.size === 0) {
        this.#isPolling = false;
        return;
      }
      try {
        const { data } = await this.#client.jobs.page({ limit: 100 });
        for (const job of data) if (wanted.delete(job.id)) this.#take(job);
        for (const id of [...wanted].slice(0, ASKED)) {
          if (this.#sending.has(id)) continue;
          await this.#client.jobs.get(id).then(
            (job) => {
              this.#take(job);
            },
            (error: unknown) => {
              if (error instanceof MurmurationError && error.status === 404)
                this.#change(id, { state: 'failed', error: { code: error.code, message: error.message } });
            },
          );
        }
      } catch {
        // The server is away; the next round asks again.
      }
      setTimeout(() => void round(), POLL_MS);
    };
    setTimeout(() => void round(), POLL_MS / 2);
  }
}

function newItem(source: Source, options: JobOptions, keepUntilMs: number | null): UploadItem {
  return {
    id: crypto.randomUUID(),
    name: 'file' in source ? source.file.name : source.url,
    source,
    options,
    keepUntilMs,
    state: 'waiting',
    job: null,
    error: null,
    retryAtMs: null,
    failures: 0,
  };
}

export const uploads = new UploadStore();
