import { MurmurationError } from '../murmuration-error.js';
import { reasonOf } from '../http/exchange.js';
import { EventQueue, UnackedAudio } from './live-buffers.js';
import { LiveLink, type LiveLinkOptions } from './live-link.js';
import type { LiveEvent, LiveMessage } from './live-types.js';

/** Frames are no larger: the server takes a megabyte. */
const FRAME_BYTES = 32 * 1024;

export interface LiveSessionOptions extends LiveLinkOptions {
  /** Message that begins the session. */
  readonly start: object;
  /** Bytes of one sample of all channels. */
  readonly sampleBytes: number;
  /** Audio that may be unacknowledged, and as much again that may wait behind it. */
  readonly bufferBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** A piece of audio that waits until the buffer takes it. */
interface Waiting {
  readonly bytes: Uint8Array;
  taken: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A live session: audio in, events out, in order and each once, over as many connections as it takes.
 * Audio is kept until the server has acknowledged it, and sent on from where a new connection says that it stands.
 * open --`finish`--> finishing (what was given is sent, then the last finals come) --`closed` comes--> over
 * open, finishing --`cancel`, the loop over it is left, its signal--> over, as soon as the server has heard of it
 * any --refused for good, unreachable for long--> over; the events end with the error
 */
export class LiveSession implements AsyncIterable<LiveEvent> {
  readonly #options: LiveSessionOptions;
  readonly #audio: UnackedAudio;
  readonly #events = new EventQueue();
  readonly #link: LiveLink;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #session: { readonly id: string; readonly token: string } | null = null;
  #lastEventId: string | null = null;
  /** Place up to which audio was sent over this connection. */
  #sent = 0;
  #isFinishing = false;
  #saidFinish = false;
  #over: Error | null = null;

  constructor(options: LiveSessionOptions) {
    this.#options = options;
    this.#audio = new UnackedAudio(options.bufferBytes);
    this.#link = new LiveLink(options, {
      hello: () => this.#hello(),
      take: (message) => {
        this.#take(message);
      },
      isExpecting: () => this.#isFinishing || this.#audio.start + options.sampleBytes <= this.#sent,
      lost: (reason) => {
        this.#events.push({ type: 'reconnecting', reason });
      },
      failed: (error) => {
        this.#end(error);
      },
    });
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.signal?.aborted === true) this.#abort();
  }

  /** The session's id, for viewers; null until it is there. */
  get id(): string | null {
    return this.#session?.id ?? null;
  }

  /**
   * Gives audio in the session's encoding, cut anywhere. Resolves when it is buffered: wait for that before giving more, so that memory stays bounded while the connection is away or the server slow.
   * Rejects with `buffer_full` when as much as the buffer holds waits already, `session_ended` after `finish` or the end, or the error that ended the session.
   */
  send(audio: ArrayBuffer | ArrayBufferView): Promise<void> {
    const given = ArrayBuffer.isView(audio)
      ? new Uint8Array(audio.buffer, audio.byteOffset, audio.byteLength)
      : new Uint8Array(audio);
    if (this.#over !== null) return Promise.reject(this.#over);
    if (this.#isFinishing)
      return Promise.reject(new MurmurationError('session_ended', 'The session is finishing and takes no more audio.'));
    const taken = this.#waiting.length === 0 ? this.#audio.append(given) : 0;
    this.#pump();
    if (taken === given.length) return Promise.resolve();
    if (this.#waiting.length > 0 && this.#waitingBytes + given.length > this.#options.bufferBytes)
      return Promise.reject(
        new MurmurationError(
          'buffer_full',
          'More audio waits than the buffer holds. Wait for what send gives back before sending on.',
        ),
      );
    const bytes = given.slice(taken);
    this.#waitingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, taken: 0, resolve, reject });
    });
  }

  /** No more audio. The last finals follow, then `closed`, and the events end. */
  finish(): void {
    if (this.#over !== null) return;
    this.#isFinishing = true;
    this.#pump();
  }

  /** Ends at once: what is not final is dropped, and no event follows. */
  cancel(): void {
    this.#cancel(null);
  }

  [Symbol.asyncIterator](): AsyncIterator<LiveEvent, undefined> {
    return {
      next: () => this.#events.next(),
      return: () => {
        this.cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  readonly #abort = (): void => {
    this.#cancel(reasonOf(this.#options.signal));
  };

  /** Where the connection is away the server finishes the session by itself when its grace is over. */
  #cancel(reason: Error | null): void {
    if (this.#over !== null) return;
    if (this.#link.isFlowing) this.#link.send('{"type":"cancel"}');
    this.#link.close();
    this.#end(reason);
  }

  #hello(): object {
    if (this.#session === null) return this.#options.start;
    return { type: 'resume', session: this.#session.id, token: this.#session.token, last_event_id: this.#lastEventId };
  }

  #take(message: LiveMessage): void {
    switch (message.type) {
      case 'ready':
        this.#session = { id: message.session, token: message.token };
        this.#events.push(message);
        this.#flow(0);
        return;
      case 'resumed':
        this.#events.push(message);
        this.#flow(message.samples);
        return;
      case 'ack':
        this.#audio.acknowledge(message.samples * this.#options.sampleBytes);
        this.#admit();
        return;
      case 'going_away':
        this.#link.reconnect(message.message);
        return;
      default:
        this.#tell(message);
    }
  }

  /** The server has so many samples; the rest is sent, also what was sent over a connection that broke. */
  #flow(samples: number): void {
    const place = samples * this.#options.sampleBytes;
    if (place < this.#audio.start || place > this.#audio.end) {
      this.#link.close();
      this.#end(
        new MurmurationError(
          'bad_answer',
          'The server resumes at audio that it had acknowledged, or that was never sent.',
        ),
      );
      return;
    }
    this.#audio.acknowledge(place);
    this.#sent = place;
    this.#saidFinish = false;
    this.#link.answered();
    this.#admit();
  }

  #tell(event: Exclude<LiveMessage, { type: 'ready' | 'resumed' | 'ack' | 'going_away' }>): void {
    if (event.event_id !== undefined) this.#lastEventId = event.event_id;
    // Without a number it is about the connection, not the session, and the server closes.
    if (event.type === 'error' && event.event_id === undefined) {
      const error = new MurmurationError(event.code, event.message, { param: event.param });
      this.#link.refused(error);
      if (event.retryable) return;
      this.#link.close();
      this.#end(error);
      return;
    }
    this.#events.push(event);
    if (event.type !== 'closed') return;
    this.#link.close();
    this.#end(null);
  }

  /** Moves waiting audio into the free part of the buffer. */
  #admit(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const taken = this.#audio.append(first.bytes.subarray(first.taken));
      first.taken += taken;
      this.#waitingBytes -= taken;
      if (first.taken < first.bytes.length) break;
      this.#waiting.shift();
      first.resolve();
    }
    this.#pump();
  }

  #pump(): void {
    while (this.#link.isFlowing && this.#sent < this.#audio.end) {
      const frame = this.#audio.read(this.#sent, FRAME_BYTES);
      this.#sent += frame.length;
      this.#link.send(frame);
    }
    if (!this.#isFinishing || this.#saidFinish || !this.#link.isFlowing || this.#waiting.length > 0) return;
    this.#saidFinish = true;
    this.#link.send('{"type":"finish"}');
  }

  #end(error: Error | null): void {
    if (this.#over !== null) return;
    this.#over = error ?? new MurmurationError('session_ended', 'The session has ended.');
    this.#options.signal?.removeEventListener('abort', this.#abort);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#over);
    if (error === null) this.#events.end();
    else this.#events.fail(error);
  }
}
