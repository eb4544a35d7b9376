import { AsrError, type Segment, type Transcript } from '@murmuration/contracts';
import type {
  Transcription,
  TranscriptionProgress,
  TranscriptionRequest,
  TranscriptionService,
} from '@murmuration/transcribe';

const MODEL = 'org/memory-model';

/** A service without audio: a "recording" is lines of text, each of them a segment of one second. One that begins with `BAD` is no audio. */
export class MemoryTranscribe implements TranscriptionService {
  readonly starts: TranscriptionRequest[] = [];
  /** Bytes that were read of all recordings. */
  bytes = 0;
  cancelled = 0;
  /** Results wait for it. */
  gate: Promise<void> = Promise.resolve();
  #onChange: (() => void)[] = [];

  resolveModel(): Promise<never> {
    return Promise.reject(new AsrError('no_worker'));
  }

  status(): Promise<never> {
    return Promise.reject(new AsrError('backend_unavailable'));
  }

  activeJobs(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  async start(request: TranscriptionRequest): Promise<Transcription> {
    this.starts.push(request);
    request.signal.addEventListener(
      'abort',
      () => {
        this.cancelled++;
        this.#changed();
      },
      { once: true },
    );
    this.#changed();
    if (request.options.decode.language === 'xx')
      throw new AsrError('unsupported_language', undefined, { param: 'language' });
    let text = '';
    for await (const piece of request.source) {
      this.bytes += piece.byteLength;
      // Filling stands for long recordings and is dropped.
      text += Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1').replaceAll(/#+/g, '');
    }
    if (text.startsWith('BAD')) throw new AsrError('unprocessable_audio', undefined, { param: 'file' });
    const segments = text
      .split('\n')
      .filter((line) => line !== '')
      .map(segment);
    const gate = Promise.race([
      this.gate,
      new Promise<never>((_resolve, reject) => {
        request.signal.addEventListener(
          'abort',
          () => {
            reject(new AsrError('cancelled'));
          },
          { once: true },
        );
      }),
    ]);
    gate.catch(() => undefined);
    return {
      id: 'job-1',
      model: MODEL,
      progress: async function* (): AsyncGenerator<TranscriptionProgress> {
        for (const [index, one] of segments.entries())
          yield await Promise.resolve({ segments: [one], doneMs: (index + 1) * 1_000 });
        await gate;
      },
      result: async () => {
        await gate;
        return transcript(segments);
      },
    };
  }

  /** Waits until something has happened that makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#onChange.push(resolve);
      });
  }

  #changed(): void {
    for (const call of this.#onChange.splice(0)) call();
  }
}

function segment(text: string, index: number): Segment {
  return {
    startMs: index * 1_000 + 0.4,
    endMs: index * 1_000 + 999.6,
    text,
    channel: 0,
    confidence: 0.9,
    avgLogprob: -0.1,
    noSpeechProb: 0,
    compressionRatio: 1,
    temperature: 0,
    tokens: [],
    words: [{ word: ` ${text}`, startMs: 1.6, endMs: 2, probability: 0.5, approximate: true }],
  };
}

function transcript(segments: readonly Segment[]): Transcript {
  return {
    id: 'job-1',
    text: segments.map(({ text }) => text).join(' '),
    model: MODEL,
    task: 'transcribe',
    language: 'en',
    languageProbability: null,
    durationMs: segments.length * 1_000,
    channels: 1,
    segments,
    filtered: [{ startMs: 1, endMs: 2, text: 'thank you', reason: 'phantom_phrase' }],
    warnings: [{ code: 'truncated', message: 'It broke off.' }],
    accounting: { speechMs: 1, nonSpeechMs: 2, skipped: [{ startMs: 3, endMs: 4, channel: 0, reason: 'too_short' }] },
    timings: { decodeMs: 1, detectMs: 1, queueMs: 1, inferenceMs: 1, totalMs: 4.5 },
  };
}
