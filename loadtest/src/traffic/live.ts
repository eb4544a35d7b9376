import { fileURLToPath } from 'node:url';
import type { LiveEvent, Murmuration } from '@murmuration/client';
import { Client, Metadata, credentials, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { type Clip, RATE_HZ, wordErrors, words } from '../clips.js';
import { until } from '../open-loop.js';
import type { Outcome } from '../recorder.js';
import { outcomeOfError, repeatsOf } from './recording.js';

const FRAME_MS = 40;
const ENDPOINTING_MS = 400;
/** Silence after each clip: more than what closes an utterance. */
export const PAUSE_MS = 1_200;

/** An utterance's text as it came. */
export interface Final {
  readonly utterance: number;
  readonly endMs: number;
  readonly text: string;
  /** On the clock of `performance.now()`. */
  readonly cameAtMs: number;
}

/** A session that is open. */
export interface LiveConnection {
  send(frame: Int16Array): Promise<void>;
  /** No more audio comes; resolves with all finals, and how many utterances the server says there were, once the session is closed. */
  finish(): Promise<{ readonly finals: readonly Final[]; readonly utterances: number }>;
}

/**
 * Speaks at real time from `dueAtMs` on. A final's latency counts from when the last audio was due that its utterance needs: the end of its speech and the silence
 * that closes it. A frame goes out at its own time, however late the server is.
 */
export async function speak(
  connection: LiveConnection,
  { pcm, said }: Pick<Clip, 'pcm' | 'said'>,
  dueAtMs: number,
): Promise<Outcome> {
  const frameSamples = (FRAME_MS * RATE_HZ) / 1_000;
  const lastMs = (Math.ceil(pcm.length / frameSamples) + 1) * FRAME_MS;
  for (let at = 0, frame = 1; at < pcm.length; at += frameSamples, frame++) {
    await until(dueAtMs + frame * FRAME_MS);
    await connection.send(pcm.subarray(at, at + frameSamples));
  }
  const { finals, utterances } = await connection.finish();
  const ids = finals.map(({ utterance }) => String(utterance));
  // An utterance without a final is work that was accepted and has no result.
  if (new Set(ids).size < utterances) return { end: 'lost', reason: 'utterance_without_final' };
  return {
    end: 'done',
    // The last utterance may be closed by the end of the audio instead of by silence.
    latenciesMs: finals.map(({ endMs, cameAtMs }) =>
      Math.max(0, cameAtMs - (dueAtMs + Math.min(endMs + ENDPOINTING_MS, lastMs))),
    ),
    audioMs: (pcm.length * 1_000) / RATE_HZ,
    words: said.length,
    wordErrors: wordErrors(said, words(finals.map(({ text }) => text).join(' '))),
    duplicates: repeatsOf(ids),
  };
}

/** A session over WebSocket, spoken at real time. */
export async function speakOverSocket(
  client: Murmuration,
  speech: Pick<Clip, 'pcm' | 'said'>,
  dueAtMs: number,
  url?: string,
): Promise<Outcome> {
  try {
    const session = client.live({
      sample_rate: RATE_HZ,
      endpointing_ms: ENDPOINTING_MS,
      reconnectForMs: 1,
      ...(url === undefined ? {} : { url }),
    });
    const finals: Final[] = [];
    let utterances = 0;
    let failed: unknown = null;
    const take = (event: LiveEvent): void => {
      if (event.type === 'final')
        finals.push({
          utterance: event.utterance,
          endMs: event.end_ms,
          text: event.text,
          cameAtMs: performance.now(),
        });
      if (event.type === 'closed') utterances = event.totals.utterances;
      if (event.type === 'error') failed = new Error(event.code);
    };
    const reading = (async () => {
      for await (const event of session) take(event);
    })().catch((error: unknown) => {
      failed = error;
    });
    return await speak(
      {
        send: (frame) => session.send(frame),
        finish: async () => {
          session.finish();
          await reading;
          if (failed !== null) throw failed as Error;
          return { finals, utterances };
        },
      },
      speech,
      dueAtMs,
    );
  } catch (error) {
    return outcomeOfError(error);
  }
}

const PROTO = fileURLToPath(new URL('../../../proto/', import.meta.url));
const REFUSED: ReadonlySet<number> = new Set([status.RESOURCE_EXHAUSTED, status.UNAVAILABLE]);

/** What the service answers, as far as this looks at it. */
interface Response {
  readonly event?: {
    readonly final?: { readonly utterance: number; readonly endMs: number; readonly text: string };
    readonly closed?: { readonly utterances: number };
    readonly error?: { readonly code: string };
  };
}

/** Live sessions over gRPC, all on one channel. */
export class GrpcSpeech {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #method;

  /** @param address host and port, without TLS */
  constructor(address: string, key: string | null) {
    const contract = loadSync('murmuration/v1/transcription.proto', {
      includeDirs: [PROTO],
      longs: Number,
      defaults: true,
      oneofs: true,
    });
    const method = (contract['murmuration.v1.Transcription'] as ServiceDefinition)['StreamingTranscribe'];
    if (method === undefined) throw new Error('the contract has no StreamingTranscribe');
    this.#method = method;
    this.#client = new Client(address, credentials.createInsecure());
    if (key !== null) this.#metadata.set('authorization', `Bearer ${key}`);
  }

  close(): void {
    this.#client.close();
  }

  /** A session spoken at real time. */
  async speak(speech: Pick<Clip, 'pcm' | 'said'>, dueAtMs: number): Promise<Outcome> {
    const { path, requestSerialize, responseDeserialize } = this.#method;
    const call: ClientDuplexStream<object, Response> = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => Response,
      this.#metadata,
    );
    const finals: Final[] = [];
    const said: { utterances?: number } = {};
    const ended = new Promise<ServiceError | null>((resolve) => {
      call.on('data', ({ event }: Response) => {
        if (event?.final !== undefined) finals.push({ ...event.final, cameAtMs: performance.now() });
        if (event?.closed !== undefined) said.utterances = event.closed.utterances;
      });
      call.on('error', (error: ServiceError) => {
        resolve(error);
      });
      call.on('end', () => {
        resolve(null);
      });
    });
    let failure: ServiceError | null = null;
    const watched = ended.then((error) => (failure = error));
    call.write({ config: { sampleRateHz: RATE_HZ, endpointingMs: ENDPOINTING_MS } });
    const outcome = await speak(
      {
        send: async (frame) => {
          if (failure === null) call.write({ audio: Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength) });
          await Promise.resolve();
        },
        finish: async () => {
          call.write({ finish: {} });
          call.end();
          await watched;
          // Without its end nothing says that all finals came.
          return { finals, utterances: said.utterances ?? Number.POSITIVE_INFINITY };
        },
      },
      speech,
      dueAtMs,
    );
    const error = await watched;
    if (error === null) return outcome;
    const code = status[error.code].toLowerCase();
    return REFUSED.has(error.code) && finals.length === 0 ? { end: 'refused', code } : { end: 'lost', reason: code };
  }
}
