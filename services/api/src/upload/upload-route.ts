import type { FastifyReply, FastifyRequest } from 'fastify';
import { AsrError, type Segment } from '@murmuration/contracts';
import { errorBody, type EventStream, logFault, toAsrError } from '@murmuration/service';
import type { ApiContext } from '../api-context.js';
import { namingSource } from '../errors/naming-source.js';
import type { Dialect } from '../fields/dialect.js';
import { transcribeUpload, type TranscribedUpload, type UploadOutput } from '../transcribe-upload.js';
import { clientGone } from './client-gone.js';

/** Output of an answer that comes whole. */
export const WHOLE: UploadOutput<unknown> = {
  begun: false,
  follows: () => false,
  accepted: () => undefined,
  take: () => Promise.resolve(),
};

/** Output that hands segments to a stream of events. */
export function streamed<Answer>(stream: EventStream, follows: (answer: Answer) => boolean, take: (segments: readonly Segment[]) => Promise<void>): UploadOutput<Answer> {
  return {
    get begun() { return stream.begun; },
    follows,
    accepted: () => { stream.expect(); },
    take,
  };
}

/** Receives and transcribes one request's recording within the bounds of the node. Throws `AsrError`. */
export async function receiveUpload<Answer>(door: ApiContext, request: FastifyRequest, reply: FastifyReply, dialect: Dialect<Answer>, output: UploadOutput<Answer>): Promise<TranscribedUpload<Answer>> {
  if (door.stopping()) throw new AsrError('shutting_down', undefined, { retryAfterSeconds: 1 });
  const signal = AbortSignal.any([clientGone(reply.raw), door.abandoned]);
  try {
    return await door.uploads.run(request.principal.owner, () => transcribeUpload(door, { message: request.raw, response: reply.raw, query: request.query, owner: request.principal.owner, dialect, output, signal }));
  } catch (error) {
    if (door.abandoned.aborted) throw new AsrError('shutting_down', undefined, { retryAfterSeconds: 1 });
    throw namingSource(error, 'file');
  }
}

/** Runs the work behind a stream and ends the stream. A fault is thrown while the answer may still be an ordinary one; later it is the stream's last event, and null comes back. */
export async function untilEnd<T>(stream: EventStream, request: FastifyRequest, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (thrown) {
    if (!stream.begun) throw thrown;
    const error = toAsrError(thrown);
    logFault(request, error);
    await stream.send('error', errorBody(error)).catch(() => undefined);
    return null;
  } finally {
    stream.end();
  }
}

/** Fields of an upload come in the form as well as in the address: the dialect validates them with the same schema, together. */
export function unvalidated(): (data: unknown) => { value: unknown } {
  return (data) => ({ value: data });
}
