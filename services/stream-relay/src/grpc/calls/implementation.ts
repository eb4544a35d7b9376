import type { Readable, Writable } from 'node:stream';
import type {
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { AsrError } from '@murmuration/contracts';
import { audioBytes, type ActiveCall, type CallContext } from './active-call.js';
import type { CallInterceptor } from './call-interceptor.js';
import { ruleOf } from './call-rules.js';

interface Method {
  readonly kind: 'unary' | 'server' | 'client' | 'bidi';
  readonly request: unknown;
  readonly response: unknown;
}

/** What serves a method. Throws `AsrError`; a streamed answer ends when the handler resolves. */
export type Handler<M extends Method> = {
  readonly unary: (request: M['request'], call: CallContext) => Promise<M['response']>;
  readonly server: (request: M['request'], call: CallContext, answer: ResponseWriter<M['response']>) => Promise<void>;
  readonly client: (requests: RequestReader<M['request']>, call: CallContext) => Promise<M['response']>;
  readonly bidi: (
    requests: RequestReader<M['request']>,
    call: CallContext,
    answer: ResponseWriter<M['response']>,
  ) => Promise<void>;
}[M['kind']];

/** Handlers of a whole service, by the types of `@murmuration/contracts/grpc`. */
export type Handlers<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends Method ? Handler<Methods[Name]> : never;
};

interface AnyHandler {
  (first: unknown, ...rest: unknown[]): Promise<unknown>;
}

/** The handlers as grpc-js calls them. */
export function implementation<Methods>(
  definition: ServiceDefinition,
  handlers: Handlers<Methods>,
  calls: CallInterceptor,
): UntypedServiceImplementation {
  const methods: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    ruleOf(method.path);
    const handler = (handlers as Readonly<Record<string, unknown>>)[name] as AnyHandler;
    if (method.requestStream)
      methods[name] = method.responseStream ? bidi(handler, calls) : clientStream(handler, calls);
    else methods[name] = method.responseStream ? serverStream(handler, calls) : unary(handler, calls);
  }
  return methods;
}

function unary(handler: AnyHandler, calls: CallInterceptor) {
  return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
    answerOnce(handler(call.request, calls.callOf(call.metadata)), call, callback, calls);
  };
}

function clientStream(handler: AnyHandler, calls: CallInterceptor) {
  return (call: ServerReadableStream<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
    const active = calls.callOf(call.metadata);
    answerOnce(handler(new RequestReader(call, active), active), call, callback, calls);
  };
}

function answerOnce(
  result: Promise<unknown>,
  call: Pick<ServerUnaryCall<unknown, unknown>, 'metadata'>,
  callback: sendUnaryData<unknown>,
  calls: CallInterceptor,
): void {
  result.then(
    (response) => {
      callback(null, response);
    },
    (error: unknown) => {
      callback(calls.told(error, calls.callOf(call.metadata)));
    },
  );
}

function serverStream(handler: AnyHandler, calls: CallInterceptor) {
  return (call: ServerWritableStream<unknown, unknown>): void => {
    const active = calls.callOf(call.metadata);
    answerInPieces(handler(call.request, active, new ResponseWriter(call, active)), call, calls);
  };
}

function bidi(handler: AnyHandler, calls: CallInterceptor) {
  return (call: ServerDuplexStream<unknown, unknown>): void => {
    const active = calls.callOf(call.metadata);
    answerInPieces(handler(new RequestReader(call, active), active, new ResponseWriter(call, active)), call, calls);
  };
}

function answerInPieces(
  result: Promise<unknown>,
  call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  calls: CallInterceptor,
): void {
  // An error event is how grpc-js takes the status of a streamed answer; what was written goes out before it.
  result.then(
    () => {
      call.end();
    },
    (error: unknown) => {
      call.emit('error', calls.told(error, calls.callOf(call.metadata)));
    },
  );
}

/** The messages of a streamed request, one at a time: nothing is read from the client while nobody asks. */
export class RequestReader<Request> {
  readonly #stream: Readable;
  readonly #call: ActiveCall;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(stream: Readable, call: ActiveCall) {
    this.#stream = stream;
    this.#call = call;
    const wake = (): void => {
      this.#wake();
    };
    stream.on('readable', wake);
    stream.on('end', () => {
      this.#ended = true;
      wake();
    });
    call.signal.addEventListener('abort', wake, { once: true });
  }

  /**
   * The next message, or null when the client has sent its last.
   * Throws the reason when the call is over, and `upload_timeout` when nothing comes for `limitMs`.
   */
  async next(limitMs: number | null = null): Promise<Request | null> {
    const deadlineMs = limitMs === null ? Infinity : performance.now() + limitMs;
    for (;;) {
      this.#call.signal.throwIfAborted();
      const message = this.#stream.read() as Request | null;
      if (message !== null) {
        this.#call.readAhead.taken(audioBytes(message));
        return message;
      }
      if (this.#ended) return null;
      if (performance.now() >= deadlineMs) throw new AsrError('upload_timeout');
      await this.#change(deadlineMs);
    }
  }

  async #change(deadlineMs: number): Promise<void> {
    const timer =
      deadlineMs === Infinity
        ? undefined
        : setTimeout(
            () => {
              this.#wake();
            },
            Math.max(1, deadlineMs - performance.now()),
          );
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    clearTimeout(timer);
  }
}

/** A client that has so many messages still to take lags; the stream itself asks for patience at 16. */
const LAGGING_MESSAGES = 4;

/** Writes the messages of a streamed answer, only as fast as the client takes them; a few lie ready at most. */
export class ResponseWriter<Response> {
  readonly #stream: Writable;
  readonly #call: CallContext;
  #newest: Response | null = null;

  constructor(stream: Writable, call: CallContext) {
    this.#stream = stream;
    this.#call = call;
    stream.on('drain', () => {
      const message = this.#newest;
      this.#newest = null;
      if (message !== null) this.post(message);
    });
  }

  /** Resolves when the client has taken enough for more to come. Throws the reason when the call is over. */
  async send(message: Response): Promise<void> {
    this.#call.signal.throwIfAborted();
    if (this.#stream.write(message)) return;
    await this.#drained();
    this.#call.signal.throwIfAborted();
  }

  /** Writes without waiting: for the few messages that come once in a call. */
  post(message: Response): void {
    if (!this.#call.signal.aborted) this.#stream.write(message);
  }

  /** Writes a message that a newer one replaces: left out while the client lags. */
  offer(message: Response): void {
    if (this.#stream.writableLength < LAGGING_MESSAGES) this.post(message);
  }

  /** As `offer`, but the newest is written when the client has caught up. */
  keepNewest(message: Response): void {
    if (this.#stream.writableNeedDrain) this.#newest = message;
    else this.post(message);
  }

  async #drained(): Promise<void> {
    const { signal } = this.#call;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#stream.off('drain', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#stream.on('drain', done);
      signal.addEventListener('abort', done);
    });
  }
}
