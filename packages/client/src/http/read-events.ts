import { createParser } from 'eventsource-parser';
import { MurmurationError } from '../murmuration-error.js';

/** One server-sent event. */
export interface ServerEvent {
  /** `message` when the server named none. */
  readonly type: string;
  /** Empty when the server gave none. */
  readonly id: string;
  readonly data: string;
}

/**
 * Events of an answer, until the server ends it.
 * A server says something every few seconds, if only a comment; after `silenceMs` without a byte the connection is taken for dead and `unreachable` thrown.
 */
export async function* readEvents(response: Response, silenceMs: number): AsyncGenerator<ServerEvent> {
  if (response.body === null) return;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const ready: ServerEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      ready.push({ type: event ?? 'message', id: id ?? '', data });
    },
  });
  const silence = { isOver: false };
  try {
    for (;;) {
      const timer = setTimeout(() => {
        silence.isOver = true;
        void reader.cancel().catch(() => undefined);
      }, silenceMs);
      const { done, value } = await reader.read().finally(() => {
        clearTimeout(timer);
      });
      if (silence.isOver)
        throw new MurmurationError('unreachable', `the server has said nothing for ${String(silenceMs / 1_000)} s`);
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* ready.splice(0);
    }
  } catch (error) {
    if (error instanceof MurmurationError) throw error;
    throw new MurmurationError(
      'unreachable',
      `the connection broke: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
