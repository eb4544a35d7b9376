import { Murmuration } from '@murmuration/client/node';
import { transcribeClip, followJob } from './traffic/recording.js';
import { GrpcSpeech, PAUSE_MS, speakOverSocket } from './traffic/live.js';
import { spoken, type Clip } from './clips.js';
import type { Outcome } from './recorder.js';

/** Kinds of work, as mixed runs and reports name them. */
export const KINDS = ['http', 'job', 'websocket', 'grpc'] as const;
export type Kind = (typeof KINDS)[number];

export interface TargetOptions {
  /** Address of the API. */
  readonly url: string;
  readonly key: string | null;
  /** Host and port of gRPC; null where it is not to be used. */
  readonly grpc: string | null;
  /** Pages of `/metrics` of the services, for their memory; may be none. */
  readonly metrics: readonly string[];
  readonly clips: readonly Clip[];
  /** How long a live speaker speaks at least, milliseconds. */
  readonly speechMs: number;
}

/** A cluster that is put under load, whoever runs it. */
export class Target {
  readonly options: TargetOptions;
  readonly #client: Murmuration;
  readonly #grpc: GrpcSpeech | null;

  constructor(options: TargetOptions) {
    this.options = options;
    // A refusal is an outcome here: the client does not try again by itself.
    this.#client = new Murmuration({ baseUrl: options.url, apiKey: options.key ?? undefined, retries: 0 });
    this.#grpc = options.grpc === null ? null : new GrpcSpeech(options.grpc, options.key);
  }

  /** Kinds of work that it can be given. */
  get kinds(): readonly Kind[] {
    return this.#grpc === null ? KINDS.filter((kind) => kind !== 'grpc') : KINDS;
  }

  /** One piece of work; `pick` chooses clips. */
  work(kind: Kind, pick: number, dueAtMs: number): Promise<Outcome> {
    const { clips, speechMs } = this.options;
    const clip = clips[pick % clips.length];
    if (clip === undefined) throw new RangeError('there are no clips');
    switch (kind) {
      case 'http':
        return transcribeClip(this.#client, clip, dueAtMs);
      case 'job':
        return followJob(this.#client, clip, dueAtMs);
      case 'websocket':
        return speakOverSocket(this.#client, spoken(clips, pick, speechMs, PAUSE_MS), dueAtMs);
      case 'grpc':
        if (this.#grpc === null) throw new RangeError('there is no address for gRPC');
        return this.#grpc.speak(spoken(clips, pick, speechMs, PAUSE_MS), dueAtMs);
    }
  }

  /** Resident memory by service, bytes. A page that does not answer is left out. */
  async memoryBytes(): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    await Promise.all(
      this.options.metrics.map(async (page) => {
        const text = await fetch(page).then(
          (response) => response.text(),
          () => '',
        );
        const bytes = /^\w*process_resident_memory_bytes(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1];
        if (bytes !== undefined) found.set(page, Number(bytes));
      }),
    );
    return found;
  }

  close(): void {
    this.#grpc?.close();
  }
}
