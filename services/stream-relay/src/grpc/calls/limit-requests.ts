import { gunzip, gunzipSync, inflate, inflateSync } from 'node:zlib';
import { ServerInterceptingCall, status, type Metadata, type Server, type ServerInterceptor } from '@grpc/grpc-js';
import { ruleOf } from './call-rules.js';

/** What grpc-js's own call has inside and no option reaches; the version is pinned, and a call without these is refused. */
interface BaseCall {
  maxReceiveMessageSize: number;
  readonly decoder: { maxReadMessageLength: number };
  readonly isReadPending: boolean;
  readonly readQueue: readonly { readonly type: 'COMPRESSED' | 'READABLE' | 'HALF_CLOSE' }[];
  decompressMessage(message: Buffer, encoding: string): Buffer | Promise<Buffer>;
  decompressAndMaybePush(entry: BaseCall['readQueue'][number]): unknown;
  maybePushNextMessage(): void;
  sendMessage(message: unknown, sent: () => void): void;
  sendStatus(ended: { readonly code: status; readonly details: string }): void;
}

/** How grpc-js answers a path that it does not serve. */
interface BaseServer {
  _respondWithError(
    error: { readonly code: status; readonly details: string; readonly metadata?: Metadata },
    stream: { resume(): void },
    session: unknown,
  ): void;
}

/** Questions of one reflection call that are answered at once. */
const REFLECTED_AT_ONCE = 4;
/** Below this a message is unfolded in the same turn: it costs less than a thread and needs no memory but its own. Bytes. */
const SMALL_BYTES = 64 * 1024;
/** Pieces that a large message is unfolded in, bytes: large enough to go back to the system when they are freed. */
const PIECE_BYTES = 1024 * 1024;
const LENGTH_PREFIX_BYTES = 5;

/**
 * Holds a call to the limits of its method before and while its messages are unfolded; grpc-js has one limit for all methods, and unfolds whatever of a call
 * has arrived. Here a message is unfolded when the call is ready for it, so that a call has one at a time. It must be the first interceptor: the one that is given grpc-js's own call.
 */
export const limitRequests: ServerInterceptor = (method, base) => {
  const { maxMessageBytes, scopes } = ruleOf(method.path);
  // Handlers of our own keep the bound by their reader.
  const maxUnanswered = scopes === null && method.requestStream ? REFLECTED_AT_ONCE : Infinity;
  const call = base as unknown as BaseCall;
  if (typeof call.decoder.maxReadMessageLength !== 'number' || typeof call.decompressAndMaybePush !== 'function')
    throw new Error('this version of grpc-js keeps its limits elsewhere');
  call.maxReceiveMessageSize = maxMessageBytes;
  call.decoder.maxReadMessageLength = maxMessageBytes;
  call.decompressMessage = (message, encoding) =>
    unfolded(message.subarray(LENGTH_PREFIX_BYTES), encoding, maxMessageBytes);

  const end = call.sendStatus.bind(call);
  // What is said of a header of the client's has all of it inside.
  call.sendStatus = (ended) => {
    end(
      ended.details.startsWith('Invalid grpc-timeout')
        ? { ...ended, details: 'The header grpc-timeout cannot be read.' }
        : ended,
    );
  };

  const unfold = call.decompressAndMaybePush.bind(call);
  const push = call.maybePushNextMessage.bind(call);
  const unfolding = new WeakSet();
  let unanswered = 0;
  call.maybePushNextMessage = () => {
    const [next] = call.readQueue;
    if (next === undefined || !call.isReadPending || unanswered >= maxUnanswered) return;
    if (next.type !== 'COMPRESSED') {
      if (next.type === 'READABLE') unanswered++;
      push();
    } else if (!unfolding.has(next)) {
      unfolding.add(next);
      unfold(next);
    }
  };
  call.decompressAndMaybePush = () => {
    call.maybePushNextMessage();
  };
  const send = call.sendMessage.bind(call);
  call.sendMessage = (message, sent) => {
    send(message, () => {
      unanswered--;
      sent();
      call.maybePushNextMessage();
    });
  };
  return new ServerInterceptingCall(base);
};

/** Lets the server answer a path that it does not serve without the path, which is the client's. */
export function withoutPaths(server: Server): void {
  const base = server as unknown as BaseServer;
  const respond = base._respondWithError.bind(server);
  base._respondWithError = (error, stream, session) => {
    respond({ ...error, details: 'No method is at this path. See proto/murmuration/v1.' }, stream, session);
    // What the client still sends is dropped.
    stream.resume();
  };
}

function unfolded(contents: Buffer, encoding: string, maxOutputLength: number): Buffer | Promise<Buffer> {
  if (encoding === 'identity') return contents;
  if (encoding !== 'gzip' && encoding !== 'deflate')
    throw refused(
      status.UNIMPLEMENTED,
      'The message is compressed in a way that is not known here. Use gzip, deflate or none.',
    );
  if (maxOutputLength <= SMALL_BYTES) {
    try {
      return (encoding === 'gzip' ? gunzipSync : inflateSync)(contents, { maxOutputLength });
    } catch (error) {
      throw failure(error, maxOutputLength);
    }
  }
  return new Promise((resolve, reject) => {
    (encoding === 'gzip' ? gunzip : inflate)(contents, { maxOutputLength, chunkSize: PIECE_BYTES }, (error, result) => {
      if (error === null) resolve(result);
      else reject(failure(error, maxOutputLength));
    });
  });
}

function failure(error: unknown, maxBytes: number): Error {
  return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    ? refused(status.RESOURCE_EXHAUSTED, `The message unfolds to more than ${String(maxBytes)} bytes.`)
    : refused(status.INTERNAL, 'The message cannot be unfolded.');
}

/** As grpc-js takes what ends a call. */
function refused(code: status, details: string): Error {
  return Object.assign(new Error(details), { code, details });
}
