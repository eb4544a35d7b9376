import { randomUUID } from 'node:crypto';
import {
  ServerInterceptingCall,
  status,
  type Metadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
} from '@grpc/grpc-js';
import { NO_CREDENTIALS, credentialsInHeaders, requireScope, type HeaderBag } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';
import { ATTRIBUTE, traceparentOf, type TraceSpan } from '@murmuration/runtime';
import { statusOf } from '../status-of.js';
import { MALFORMED } from '../proto/service-definitions.js';
import type { RelayContext } from '../../relay-context.js';
import { ActiveCall, audioBytes, type CallContext } from './active-call.js';
import { MAX_STREAMED_BYTES, ruleOf, type CallRule } from './call-rules.js';
import { MessageMemory } from './message-memory.js';

const REQUEST_ID = /^[\w.:-]{1,128}$/;
/** A request that is one large message has this long to arrive: 100 MiB at 3 Mbit/s. */
const ARRIVE_MS = 5 * 60_000;
/**
 * A call that Node.js's client cancels ends its requests in one frame and is reset in the next; it may not be taken for one that is complete. So the end of
 * streamed requests counts when no reset has followed for this long, milliseconds (between processes of one machine the reset came 0.4 to 1 ms later).
 */
const END_OF_REQUESTS_MS = 100;
/** At most 512 MiB in memory and 16 times 100 MiB on their way. */
const MEMORY = { arriving: 16, heldBytes: 512 * 1024 * 1024, waiting: 1_000 };

/** Lets calls in: asks who calls before a byte of the request is read, and holds them to the bounds of their method. */
export class CallInterceptor {
  readonly #context: Pick<RelayContext, 'access' | 'stopping' | 'logger' | 'metrics' | 'tracing'>;
  readonly #memory = new MessageMemory(MEMORY);
  readonly #active = new Set<ActiveCall>();
  #onIdle: () => void = () => undefined;
  /** The metadata of a call is the one thing that interceptor and handler both see. */
  readonly #byMetadata = new WeakMap<Metadata, ActiveCall>();
  #closing = false;

  constructor(context: Pick<RelayContext, 'access' | 'stopping' | 'logger' | 'metrics' | 'tracing'>) {
    this.#context = context;
  }

  /** The call that a handler was given. */
  callOf(metadata: Metadata): ActiveCall {
    const call = this.#byMetadata.get(metadata);
    if (call === undefined) throw new Error('a call came past the interceptor');
    return call;
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#closing = true;
  }

  /** Ends the calls in progress with `shutting_down`. */
  abandon(): void {
    for (const call of [...this.#active]) call.end(new AsrError('shutting_down'));
  }

  /** Resolves when no call is in progress but those of health and reflection, which never end by themselves. */
  async idle(): Promise<void> {
    if (this.#active.size > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
  }

  readonly interceptor: ServerInterceptor = (method, base) => {
    const rule = ruleOf(method.path);
    // Calls of health and reflection are not counted or logged, and keep no relay from its end.
    const ours = rule.scopes !== null;
    const active = new ActiveCall();
    const startedMs = performance.now();
    let code: status | null = null;
    if (ours) this.#active.add(active);
    const call: ServerInterceptingCall = new ServerInterceptingCall(base, {
      start: (next) => {
        next(listener);
      },
      sendMetadata: (metadata, next) => {
        metadata.set('x-request-id', active.requestId);
        next(metadata);
      },
      sendStatus: (sent, next) => {
        code ??= sent.code;
        sent.metadata?.set('x-request-id', active.requestId);
        // The health service puts the name that was asked for into its sentence.
        next(
          ours || sent.code !== status.NOT_FOUND
            ? sent
            : { ...sent, details: 'The health of a service of this name is unknown.' },
        );
      },
    });
    const refuse = (error: unknown): void => {
      call.sendStatus(this.told(error, active));
    };
    const listener: ServerListener = {
      onReceiveMetadata: (metadata, next) => {
        active.requestId = requestIdOf(metadata);
        if (ours) active.span = this.#begun(method.path, metadata);
        this.#byMetadata.set(metadata, active);
        this.#letIn(active, rule, metadata, base, refuse)
          .then(() => {
            next(metadata);
          })
          .catch(refuse);
      },
      onReceiveMessage: (message: unknown, next) => {
        const bytes = audioBytes(message);
        active.place?.arrived(bytes);
        if (message === MALFORMED)
          refuse(
            new AsrError(
              'invalid_message',
              "The request's bytes are no message of its type. See proto/murmuration/v1.",
            ),
          );
        else if (!method.requestStream) next(message);
        else if (bytes > MAX_STREAMED_BYTES)
          refuse(
            new AsrError(
              'file_too_large',
              `A streamed message holds at most ${String(MAX_STREAMED_BYTES)} bytes of audio. Send it in pieces.`,
              { param: 'audio' },
            ),
          );
        else
          active.readAhead.add(bytes, () => {
            next(message);
          });
      },
      onReceiveHalfClose: (next) => {
        if (ours && method.requestStream) active.after(END_OF_REQUESTS_MS, next);
        else next();
      },
      // Comes at the end of every call, however it ended.
      onCancel: () => {
        active.end();
        this.#active.delete(active);
        if (this.#active.size === 0) this.#onIdle();
        if (ours)
          this.#answered(
            active,
            method.path,
            code ?? (Number(base.getDeadline()) <= Date.now() ? status.DEADLINE_EXCEEDED : status.CANCELLED),
            performance.now() - startedMs,
          );
      },
    };
    return call;
  };

  /** How a call is told of an error. Where the call was ended from here the reason counts, not what came of it. Faults of the server's own are logged. */
  told(thrown: unknown, call: CallContext): ReturnType<typeof statusOf> {
    const error = AsrError.from(call.signal.aborted ? call.signal.reason : thrown);
    this.#context.metrics.answered(error.kind.http, error.code);
    if (error.kind.http === 500)
      this.#context.logger.error(
        { err: error.cause ?? error, code: error.code, requestId: call.requestId, ...traceIn(call) },
        'a call failed',
      );
    else if (error.kind.http > 500 && error.code !== 'shutting_down' && error.code !== 'deadline_exceeded')
      this.#context.logger.warn(
        { code: error.code, requestId: call.requestId, ...traceIn(call) },
        'a call could not be served',
      );
    return statusOf(error);
  }

  async #letIn(
    active: ActiveCall,
    rule: CallRule,
    metadata: Metadata,
    base: ServerInterceptingCallInterface,
    refuse: (error: unknown) => void,
  ): Promise<void> {
    if (rule.scopes !== null) {
      if (this.#closing || this.#context.stopping()) throw new AsrError('shutting_down');
      active.principal = await this.#context.access.authenticate(
        this.#context.access.open ? NO_CREDENTIALS : credentialsInHeaders(headersOf(metadata)),
      );
      requireScope(active.principal, rule.scopes);
    }
    const giveUp = (error: AsrError): void => {
      active.end(error);
      refuse(error);
    };
    if (base.getDeadline() === Infinity)
      active.after(rule.limitMs, () => {
        giveUp(new AsrError('deadline_exceeded'));
      });
    if (!rule.recording) return;
    const place = await this.#memory.enter(active.signal);
    const arrived = active.after(ARRIVE_MS, () => {
      giveUp(new AsrError('upload_timeout'));
    });
    active.place = {
      arrived: (bytes) => {
        arrived();
        place.arrived(bytes);
      },
      leave: () => {
        place.leave();
      },
    };
    if (active.signal.aborted) place.leave();
  }

  #begun(path: string, metadata: Metadata): TraceSpan {
    const { tracing } = this.#context;
    const method = path.slice(1);
    return tracing.start(method, {
      parent: traceparentOf(metadata.get('traceparent')[0]),
      kind: 'server',
      attributes: { [ATTRIBUTE.rpcMethod]: method },
    });
  }

  #answered(call: ActiveCall, path: string, code: status, durationMs: number): void {
    const method = path.slice(path.lastIndexOf('.') + 1);
    call.span.set({ [ATTRIBUTE.rpcStatus]: code });
    call.span.end(code === status.OK ? undefined : status[code]);
    this.#context.metrics.grpcCallSeconds.observe({ method, code: status[code] }, durationMs / 1_000);
    this.#context.logger.info(
      {
        requestId: call.requestId,
        ...traceIn(call),
        method,
        code: status[code],
        durationMs: Math.round(durationMs),
      },
      'answered',
    );
  }
}

/** The trace's id for a log line, where there is one. */
function traceIn({ span: { traceId } }: CallContext): { readonly traceId?: string } {
  return traceId === null ? {} : { traceId };
}

function requestIdOf(metadata: Metadata): string {
  const [given] = metadata.get('x-request-id');
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function headersOf(metadata: Metadata): HeaderBag {
  const text = (name: string): string | undefined => metadata.get(name).find((value) => typeof value === 'string');
  return { authorization: text('authorization'), 'x-api-key': text('x-api-key') };
}
