import type { IncomingMessage, ServerResponse } from 'node:http';
import { AsrError, type Segment, type TranscribeOptions, type Transcript } from '@murmuration/contracts';
import { awaitedLater } from '@murmuration/contracts/left-alone';
import { fetchRecording, type GuardedClient } from '@murmuration/outbound';
import type { Transcription, TranscriptionRequest, TranscriptionService } from '@murmuration/transcribe';
import { KeptFault, namingSource } from './errors/source-faults.js';
import type { ReadFields, UploadReader } from './fields/field-bag.js';
import { receiveRecording, type ReceivingParts, type Recording, type Work } from './receive-recording.js';

/** What an upload works with. */
export interface UploadParts extends ReceivingParts {
  readonly service: TranscriptionService;
}

/** Where segments go while they come. */
export interface UploadOutput<Answer> {
  /** True once a part of the answer was sent: from then on a field may no longer change the work. */
  readonly begun: boolean;
  /** True when the answer wants segments as they become final. */
  follows(answer: Answer): boolean;
  /** The work waits for the first worker of its model, which was woken, at the longest so many milliseconds. */
  asleep(atMostMs: number): void;
  /** The work was accepted. */
  accepted(): void;
  take(segments: readonly Segment[]): Promise<void>;
}

export interface TranscribeRequest<Answer> {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** The parsed query. */
  readonly query: unknown;
  /** Whose the work is; null without keys. */
  readonly owner: string | null;
  /** W3C `traceparent` of the request, where tracing is on. */
  readonly trace: string | null;
  readonly reader: UploadReader<Answer>;
  readonly output: UploadOutput<Answer>;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export interface TranscribedUpload<Answer> {
  readonly transcript: Transcript;
  readonly answer: Answer;
}

/** Receives a recording and has it transcribed, beginning while it arrives where the fields are known. Throws `AsrError`; frees all it took in any case. */
export async function transcribeUpload<Answer>(
  parts: UploadParts,
  request: TranscribeRequest<Answer>,
): Promise<TranscribedUpload<Answer>> {
  const { message, response, query, reader, signal } = request;
  const { fields, result } = await receiveRecording<ReadFields<Answer>, Transcript>(parts, {
    message,
    response,
    query,
    signal,
    reader,
    needsFile: () => true,
    begin: (recording) => new TranscribeWork(parts.service, request, recording),
  });
  if (result === null) throw new AsrError('missing_file', undefined, { param: 'file' });
  return { transcript: result, answer: fields.answer };
}

/** One attempt at the transcript, followed where the answer wants it. */
class TranscribeWork<Answer> implements Work<ReadFields<Answer>, Transcript> {
  readonly #output: UploadOutput<Answer>;
  readonly #options: string;
  readonly #attempt: Attempt;

  constructor(
    service: TranscriptionService,
    { output, owner, trace, signal }: TranscribeRequest<Answer>,
    { fields, file, source }: Recording<ReadFields<Answer>>,
  ) {
    this.#output = output;
    this.#options = JSON.stringify(fields.options);
    this.#attempt = new Attempt(service, {
      source,
      contentType: file.contentType,
      extension: file.extension,
      options: fields.options,
      lane: 'interactive',
      owner,
      trace,
      onAsleep: (atMostMs) => {
        if (output.follows(fields.answer)) output.asleep(atMostMs);
      },
      signal,
    });
    this.#followWhereWanted(fields.answer);
  }

  outcome(): Promise<Transcript> {
    return this.#attempt.outcome();
  }

  failure(): Promise<never> {
    return this.#attempt.failure();
  }

  goesOnWith(fields: ReadFields<Answer>, name: string): boolean {
    if (JSON.stringify(fields.options) === this.#options) {
      this.#followWhereWanted(fields.answer);
      return true;
    }
    if (!this.#output.begun) return false;
    throw new AsrError(
      'invalid_field',
      `${name}: came after the file, when part of the answer had been sent. Send it before the file or as a query parameter.`,
      { param: name },
    );
  }

  cancel(): Promise<void> {
    this.#attempt.cancel();
    return Promise.resolve();
  }

  #followWhereWanted(answer: Answer): void {
    if (!this.#output.follows(answer) || this.#attempt.following) return;
    this.#attempt.follow(
      () => {
        this.#output.accepted();
      },
      (segments) => this.#output.take(segments),
    );
  }
}

/**
 * One start of the work on an upload.
 * running --result--> done; running --fault--> failed; running --`cancel` or the client goes--> failed with `cancelled`.
 */
class Attempt {
  readonly #cancelled = new AbortController();
  readonly #transcription: Promise<Transcription>;
  readonly #transcript: Promise<Transcript>;
  #followed: Promise<void> | null = null;

  constructor(service: TranscriptionService, request: TranscriptionRequest) {
    this.#transcription = service.start({
      ...request,
      signal: AbortSignal.any([request.signal, this.#cancelled.signal]),
    });
    this.#transcript = this.#transcription.then((transcription) => transcription.result());
    awaitedLater(this.#transcript);
  }

  get following(): boolean {
    return this.#followed !== null;
  }

  /** Hands out final segments from the first on; waits for each to be taken. Call it once. */
  follow(accepted: () => void, take: (segments: readonly Segment[]) => Promise<void>): void {
    const follow = async (): Promise<void> => {
      const transcription = await this.#transcription;
      accepted();
      for await (const { segments } of transcription.progress()) {
        if (this.#cancelled.signal.aborted) return;
        if (segments.length > 0) await take(segments);
      }
    };
    this.#followed = follow();
    awaitedLater(this.#followed);
  }

  /** The transcript, once all segments were taken by the one who follows. Throws what either failed with. */
  async outcome(): Promise<Transcript> {
    const [transcript] = await Promise.all([this.#transcript, this.#followed]);
    return transcript;
  }

  /** Rejects as soon as the work fails; never resolves. */
  failure(): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.#transcript.catch(reject);
    });
  }

  cancel(): void {
    this.#cancelled.abort();
  }
}

export interface UrlRequest {
  readonly url: string;
  readonly options: TranscribeOptions;
  /** Whose the work is; null without keys. */
  readonly owner: string | null;
  /** W3C `traceparent` of the request, where tracing is on. */
  readonly trace: string | null;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Fetches the recording of a URL and has it transcribed while it comes. Throws `AsrError`. */
export async function transcribeUrl(
  parts: UploadParts & { readonly outbound: GuardedClient },
  request: UrlRequest,
): Promise<Transcript> {
  const over = new AbortController();
  const signal = AbortSignal.any([request.signal, over.signal]);
  const { limits } = parts;
  const kept = new KeptFault();
  try {
    const { source, contentType, extension } = await fetchRecording(request.url, {
      client: parts.outbound,
      signal,
      maxBytes: limits.maxUploadBytes,
      idleTimeoutMs: limits.idleTimeoutMs,
      totalTimeoutMs: limits.totalTimeoutMs,
    });
    const transcription = await parts.service.start({
      source: kept.passing(source),
      contentType,
      extension,
      options: request.options,
      lane: 'interactive',
      owner: request.owner,
      trace: request.trace,
      signal,
    });
    return await transcription.result();
  } catch (error) {
    if (request.signal.aborted) throw new AsrError('cancelled');
    throw namingSource(kept.insteadOf(error), 'url');
  } finally {
    // A source that nobody read is still open.
    over.abort();
  }
}
