import type { IncomingMessage, ServerResponse } from 'node:http';
import { AsrError } from '@murmuration/contracts';

export interface BodyLimits {
  /** More bytes end the upload with `file_too_large`. */
  readonly maxBytes: number;
  /** The client may let us wait this long for the next kilobyte; time in which we do not read does not count. */
  readonly idleTimeoutMs: number;
  /** … and this long in all. */
  readonly totalTimeoutMs: number;
  /** True while an upload has to come at `MIN_BYTES_A_SECOND` at least, in the mean over `RATE_OVER_MS` of waiting for it; it never has to unless given. */
  readonly mustHurry?: () => boolean;
}

const MIN_BYTES_A_SECOND = 1_024;
const RATE_OVER_MS = 60_000;
/** A slow upload is looked at so often whether it must hurry now, milliseconds. */
const HURRY_LOOK_MS = 1_000;

/** Bytes that end a wait: a client that sends one byte now and then is as idle as one that sends none. */
const PROGRESS_BYTES = 1_024;

/**
 * Reads a request's body piece by piece, only when asked, so that the client is slowed to our pace.
 * It never destroys the connection: after an early answer the rest can be drained.
 *
 * reading --last byte--> ended; reading --fault, timeout, too many bytes, client gone--> failed; any --stop--> stopped.
 */
export class BodyReader {
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #limits: BodyLimits;
  readonly #signal: AbortSignal;
  #bytes = 0;
  #idleMs = 0;
  #totalMs = 0;
  #bytesAtProgress = 0;
  /** Of the stretch over which the rate is measured. */
  #stretchMs = 0;
  #bytesAtStretch = 0;
  #slow = false;
  #asked = false;
  #ended = false;
  #stopped = false;
  #awake: () => void = () => undefined;

  readonly #rateOverMs: number;

  /** @param signal aborted when the client has gone @param rateOverMs over which the rate of an upload is measured */
  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    limits: BodyLimits,
    signal: AbortSignal,
    rateOverMs = RATE_OVER_MS,
  ) {
    this.#rateOverMs = rateOverMs;
    this.#message = message;
    this.#response = response;
    this.#limits = limits;
    this.#signal = signal;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The next piece, or null at the end. Throws `file_too_large`, `upload_timeout`, `cancelled`. */
  async read(): Promise<Buffer | null> {
    this.#invite();
    for (;;) {
      if (this.#ended) return null;
      if (this.#stopped || this.#signal.aborted || (this.#message.destroyed && !this.#message.readableEnded))
        throw new AsrError('cancelled');
      const piece = this.#message.read() as Buffer | null;
      if (piece !== null) return this.#took(piece);
      if (this.#message.readableEnded) {
        this.#ended = true;
        return null;
      }
      await this.#wait();
    }
  }

  /** The rest of the body as a source that may be read once. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = await this.read();
      if (piece === null) return;
      yield piece;
    }
  }

  /** Reads no more: a read that waits, and all later ones, throw `cancelled`. */
  stop(): void {
    this.#stopped = true;
    this.#awake();
  }

  #invite(): void {
    if (this.#asked) return;
    this.#asked = true;
    // A client that waits for leave is only given it when its body is wanted: early refusals cost it no upload.
    if (this.#message.headers.expect?.toLowerCase() === '100-continue') this.#response.writeContinue();
  }

  #took(piece: Buffer): Buffer {
    this.#bytes += piece.length;
    if (this.#bytes > this.#limits.maxBytes) throw tooLarge(this.#limits.maxBytes);
    if (this.#bytes - this.#bytesAtProgress >= PROGRESS_BYTES) {
      this.#bytesAtProgress = this.#bytes;
      this.#idleMs = 0;
    }
    return piece;
  }

  async #wait(): Promise<void> {
    const message = this.#message;
    const startedMs = performance.now();
    const leftMs = Math.max(
      0,
      Math.min(this.#limits.idleTimeoutMs - this.#idleMs, this.#limits.totalTimeoutMs - this.#totalMs),
    );
    const lookMs = Math.min(this.#slow ? HURRY_LOOK_MS : Infinity, this.#rateOverMs - this.#stretchMs);
    const timedOut = await new Promise<boolean>((resolve) => {
      const finish = (late: boolean): void => {
        clearTimeout(timer);
        for (const event of EVENTS) message.off(event, awake);
        this.#signal.removeEventListener('abort', awake);
        resolve(late);
      };
      const awake = (): void => {
        finish(false);
      };
      this.#awake = awake;
      const timer = setTimeout(
        () => {
          finish(leftMs <= lookMs);
        },
        Math.max(0, Math.min(leftMs, lookMs)),
      );
      for (const event of EVENTS) message.on(event, awake);
      this.#signal.addEventListener('abort', awake);
    });
    const waitedMs = performance.now() - startedMs;
    this.#idleMs += waitedMs;
    this.#totalMs += waitedMs;
    if (timedOut) throw new AsrError('upload_timeout');
    this.#measure(waitedMs);
  }

  /** Most places are taken: one that sends next to nothing may not keep its own. */
  #measure(waitedMs: number): void {
    this.#stretchMs += waitedMs;
    if (this.#stretchMs >= this.#rateOverMs) {
      this.#slow = this.#bytes - this.#bytesAtStretch < (MIN_BYTES_A_SECOND * this.#stretchMs) / 1_000;
      this.#stretchMs = 0;
      this.#bytesAtStretch = this.#bytes;
    }
    if (this.#slow && this.#limits.mustHurry?.() === true)
      throw new AsrError(
        'upload_timeout',
        'The upload comes too slowly while many others wait: less than 1 KiB a second over a minute. Send it again over a faster connection.',
      );
  }
}

const EVENTS = ['readable', 'end', 'close', 'error'];

/** The refusal of a larger upload, with the limit. */
export function tooLarge(maxBytes: number): AsrError {
  return new AsrError(
    'file_too_large',
    `The upload is larger than ${String(maxBytes)} bytes. Send a compressed format or split the recording.`,
    { param: 'file' },
  );
}

/** Longest JSON body. */
const MAX_BYTES = 1024 * 1024;

/** The whole body as text. Throws `file_too_large` above 1 MiB, `invalid_request` for what is no UTF-8, `upload_timeout`, `cancelled`. */
export async function readText(
  {
    message,
    response,
    signal,
  }: { readonly message: IncomingMessage; readonly response: ServerResponse; readonly signal: AbortSignal },
  limits: Pick<BodyLimits, 'idleTimeoutMs' | 'totalTimeoutMs'>,
): Promise<string> {
  if (Number(message.headers['content-length'] ?? 0) > MAX_BYTES) throw tooLong();
  const body = new BodyReader(message, response, { ...limits, maxBytes: Number.POSITIVE_INFINITY }, signal);
  const pieces: Buffer[] = [];
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    if (body.bytes > MAX_BYTES) throw tooLong();
    pieces.push(piece);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
  } catch {
    throw new AsrError('invalid_request', 'The body is not UTF-8.');
  }
}

function tooLong(): AsrError {
  return new AsrError(
    'file_too_large',
    `A JSON body has at most ${String(MAX_BYTES)} bytes. Send recordings as a form or as the body.`,
  );
}
