import {
  AsrError,
  type ClientMessage,
  clientMessageSchema,
  languageOf,
  type LiveSettings,
  liveSettingsSchema,
  type StartMessage,
} from '@murmuration/contracts';
import type { z } from 'zod';

/** A text frame as a message. Throws `invalid_message` for what is none, `unknown_field` and `invalid_field` for a known type with a wrong shape. */
export function readMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AsrError(
      'invalid_message',
      'A text frame must be one JSON object with a type. Audio goes into binary frames.',
    );
  }
  const read = clientMessageSchema.safeParse(value);
  if (read.success) return read.data;
  throw faultOf(read.error.issues[0]);
}

function faultOf(issue: z.core.$ZodIssue | undefined): AsrError {
  const param = issue?.path.map(String).join('.') ?? '';
  if (issue === undefined || param === 'type')
    return new AsrError('invalid_message', 'The type must be start, resume, keepalive, finish or cancel.');
  if (issue.code === 'unrecognized_keys') {
    const name = (issue.keys[0] ?? '').slice(0, 100);
    return new AsrError(
      'unknown_field',
      `${name}: not a known field of this message. The fields are listed in docs/live.md.`,
      { param: name },
    );
  }
  if (param === '') return new AsrError('invalid_message', 'A text frame must be one JSON object with a type.');
  return new AsrError('invalid_field', `${param}: ${issue.message}.`, { param });
}

/** The settings that a start message asks for. Throws `unsupported_language` for what is no language. */
export function settingsOf(start: StartMessage): LiveSettings {
  return liveSettingsSchema.parse({
    model: start.model,
    encoding: start.encoding,
    sampleRateHz: start.sample_rate,
    channels: start.channels,
    language: languageOf(start.language),
    prompt: start.prompt,
    hotwords: start.hotwords,
    interimResults: start.interim_results,
    wordTimestamps: start.word_timestamps,
    endpointingMs: start.endpointing_ms,
    idleEndpointingMs: start.idle_endpointing_ms,
    maxUtteranceMs: start.max_utterance_ms,
  });
}

/** Acks go out at most this often. */
const EVERY_MS = 100;

/** Tells a client how much is stored: soon after it advanced, and not for every frame. */
export class Acks {
  readonly #send: (samples: number) => void;
  #stored = 0;
  #told: number;
  #toldAtMs = -Infinity;
  #timer: NodeJS.Timeout | null = null;

  /** @param told samples that the client knows of already */
  constructor(told: number, send: (samples: number) => void) {
    this.#told = told;
    this.#send = send;
  }

  /** So many samples are stored. */
  stored(samples: number): void {
    this.#stored = samples;
    if (this.#timer !== null || samples <= this.#told) return;
    const waitMs = this.#toldAtMs + EVERY_MS - performance.now();
    if (waitMs <= 0) this.flush();
    else
      this.#timer = setTimeout(() => {
        this.flush();
      }, waitMs);
  }

  /** Tells what is not told yet, at once. */
  flush(): void {
    this.stop();
    if (this.#stored <= this.#told) return;
    this.#told = this.#stored;
    this.#toldAtMs = performance.now();
    this.#send(this.#stored);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
