import type { Reach } from '@murmuration/access';
import {
  AsrError,
  joinTexts,
  type ModelCard,
  type Filtered,
  type Segment,
  type Transcript,
} from '@murmuration/contracts';
import { testModel } from '@murmuration/contracts/testing';
import {
  chooseModel,
  type ActiveJob,
  type ClusterStatus,
  type Transcription,
  type TranscriptionProgress,
  type TranscriptionRequest,
  type TranscriptionService,
} from '@murmuration/transcribe';

/** What a card of the in-memory service says. */
export const MEMORY_CARD: ModelCard = {
  workerId: 'w-1',
  device: 'cpu',
  gpu: null,
  sessions: 2,
  maxBatch: 8,
  holds: 32,
  speed: 50,
  memoryBytes: 1,
  startedAtMs: 1_700_000_000_000,
  seenAtMs: 1_700_000_000_000,
  draining: false,
  model: testModel({ id: 'org/memory-model', languages: ['en', 'de'] }),
};

/**
 * A service without audio: a "recording" is lines of text, each of them a segment of one second as soon as its line has ended.
 * A recording that begins with `BAD` is no audio. Every start and every end is kept for the test to look at.
 */
export class MemoryService implements TranscriptionService {
  readonly starts: TranscriptionRequest[] = [];
  cancelled = 0;
  status_: ClusterStatus = {
    redis: 'up',
    workers: [MEMORY_CARD],
    models: [MEMORY_CARD],
    asleep: [],
    queues: { [MEMORY_CARD.model.id]: { waiting: 3, active: 1 } },
    redisConcerns: [],
  };
  jobs: ActiveJob[] = [];
  /** Set to make `start` fail. */
  refusal: AsrError | null = null;
  /** Results wait for it. */
  gate: Promise<void> = Promise.resolve();
  #onChange: (() => void)[] = [];

  async resolveModel(name: string | null): Promise<ModelCard> {
    if (this.refusal !== null) throw this.refusal;
    if (this.status_.models.length === 0) throw new AsrError('no_worker', 'No worker was ever seen.');
    return Promise.resolve(chooseModel(name, this.status_, null));
  }

  async start(request: TranscriptionRequest): Promise<Transcription> {
    this.starts.push(request);
    this.#changed();
    request.signal.addEventListener('abort', () => {
      this.cancelled += 1;
      this.#changed();
    });
    const card = await this.resolveModel(request.options.model);
    const { language, task, wordTimestamps } = request.options.decode;
    if (language !== null && !card.model.languages.includes(language))
      throw new AsrError('unsupported_language', undefined, { param: 'language' });
    if (!card.model.tasks.includes(task)) throw new AsrError('unsupported_task', undefined, { param: 'task' });
    if (wordTimestamps) throw new AsrError('word_timestamps_unavailable', undefined, { param: 'word_timestamps' });
    return new MemoryTranscription(request, this.gate);
  }

  status(): Promise<ClusterStatus> {
    return Promise.resolve(this.status_);
  }

  activeJobs(whose: Reach): Promise<readonly ActiveJob[]> {
    return Promise.resolve(this.jobs.filter((job) => whose === 'everybody' || job.owner === whose.owner));
  }

  /** Waits until something has happened that makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#onChange.push(resolve);
      });
  }

  #changed(): void {
    const waiting = this.#onChange;
    this.#onChange = [];
    for (const call of waiting) call();
  }
}

class MemoryTranscription implements Transcription {
  readonly id = 'job-1';
  readonly model = MEMORY_CARD.model.id;
  readonly #request: TranscriptionRequest;
  readonly #segments: Segment[] = [];
  readonly #filtered: Filtered[] = [];
  readonly #result: Promise<Transcript>;
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(request: TranscriptionRequest, gate: Promise<void>) {
    this.#request = request;
    const gone = new Promise<never>((_resolve, reject) => {
      request.signal.addEventListener('abort', () => {
        reject(new AsrError('cancelled'));
      });
    });
    gone.catch(() => undefined);
    this.#result = Promise.race([gone, this.#read(gate)]).finally(() => {
      this.#ended = true;
      this.#wakeAll();
    });
    this.#result.catch(() => undefined);
  }

  async *progress(): AsyncGenerator<TranscriptionProgress> {
    for (let index = 0; ;) {
      const segment = this.#segments[index];
      if (segment !== undefined) {
        index += 1;
        yield { segments: [segment], doneMs: index * 1_000 };
        continue;
      }
      if (this.#ended) {
        await this.#result;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  result(): Promise<Transcript> {
    return this.#result;
  }

  async #read(gate: Promise<void>): Promise<Transcript> {
    const decoder = new TextDecoder();
    let rest = '';
    let bytes = 0;
    for await (const piece of this.#request.source) {
      bytes += piece.length;
      // Filling stands for long recordings and is dropped.
      rest += decoder.decode(piece, { stream: true }).replaceAll(/#+/g, '');
      if (rest.startsWith('BAD')) throw new AsrError('unprocessable_audio');
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#add(line);
    }
    if (rest !== '') this.#add(rest);
    await gate;
    const text = joinTexts(this.#segments.map((segment) => segment.text));
    return {
      id: this.id,
      text,
      model: this.model,
      task: 'transcribe',
      language: this.#request.options.decode.language ?? 'en',
      languageProbability: 1,
      durationMs: this.#segments.length * 1_000,
      channels: 1,
      segments: this.#segments,
      filtered: this.#filtered,
      warnings: [],
      accounting: { speechMs: bytes, nonSpeechMs: 0, skipped: [] },
      timings: { decodeMs: 1, detectMs: 1, queueMs: 1, inferenceMs: 1, totalMs: 4 },
    };
  }

  #add(text: string): void {
    const startMs = this.#segments.length * 1_000;
    // Lines in brackets stand for what the filters take.
    if (/^\[.*\]$/.test(text)) {
      this.#filtered.push({ startMs, endMs: startMs, text: text.slice(1, -1), reason: 'repetition' });
      return;
    }
    if (text !== '')
      this.#segments.push({
        startMs,
        endMs: startMs + 1_000,
        text,
        channel: 0,
        confidence: 0.9,
        avgLogprob: -0.1,
        noSpeechProb: 0,
        compressionRatio: 1,
        temperature: 0,
        tokens: [],
      });
    this.#wakeAll();
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const call of wake) call();
  }
}
