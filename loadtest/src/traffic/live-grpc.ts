import { fileURLToPath } from 'node:url';
import { Client, Metadata, credentials, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { RATE_HZ, type Clip } from '../clips.js';
import type { Outcome } from '../recorder.js';
import { ENDPOINTING_MS, speak, type Final } from './live.js';

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
