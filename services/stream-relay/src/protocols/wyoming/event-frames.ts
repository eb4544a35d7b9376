import { AsrError, languageOf, type LiveEncoding, type LiveSettings, liveSettingsSchema } from '@murmuration/contracts';
import { z } from 'zod';
import { hotwordsOf } from '../translator.js';

/** Longest first line of an event, bytes; data may be part of it. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Longest data after the first line, bytes. */
const MAX_DATA_BYTES = 256 * 1024;
/** Longest payload, bytes: half a minute of 16-bit audio at 16 kHz, eleven seconds of 32-bit stereo at 12 kHz. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** An event of the protocol, whichever side sends it. */
export interface WyomingEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly payload: Buffer;
}

const dataSchema = z.record(z.string(), z.unknown());
const headerSchema = z.object({
  type: z.string().min(1).max(200),
  data: dataSchema.nullish(),
  data_length: z.number().int().min(0).nullish(),
  payload_length: z.number().int().min(0).nullish(),
});
type Header = z.output<typeof headerSchema>;

/**
 * Reads events from bytes that are cut anywhere: a line of JSON, then `data_length` bytes of JSON and `payload_length` bytes of
 * payload, both optional (README of the package `wyoming`, section "Format"). Holds at most one event of 1.3 MiB.
 */
export class EventReader {
  #bytes: Buffer = Buffer.alloc(0);
  /** What has come since `#bytes` were joined. Joined once an event is whole, so that a payload in tiny pieces is copied once. */
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  #header: Header | null = null;

  /** Adds bytes. What `next` returned before stays valid. */
  add(bytes: Uint8Array): void {
    this.#pieces.push(Buffer.from(bytes));
    this.#piecesBytes += bytes.length;
  }

  /** The next whole event; null: more bytes are needed. Throws `invalid_message`, after which the stream cannot be read on. */
  next(): WyomingEvent | null {
    const header = (this.#header ??= this.#readHeader());
    if (header === null) return null;
    const [dataBytes, payloadBytes] = [header.data_length ?? 0, header.payload_length ?? 0];
    if (this.#bytes.length + this.#piecesBytes < dataBytes + payloadBytes) return null;
    this.#join();
    const text = this.#take(dataBytes).toString('utf8');
    const payload = this.#take(payloadBytes);
    this.#header = null;
    const more = dataBytes === 0 ? {} : parsed(text, dataSchema, 'The data of an event');
    return { type: header.type, data: { ...header.data, ...more }, payload };
  }

  #join(): void {
    if (this.#pieces.length === 0) return;
    this.#bytes = Buffer.concat([this.#bytes, ...this.#pieces]);
    this.#pieces = [];
    this.#piecesBytes = 0;
  }

  #readHeader(): Header | null {
    this.#join();
    const end = this.#bytes.indexOf(NEWLINE);
    if (end > MAX_HEADER_BYTES || (end === -1 && this.#bytes.length > MAX_HEADER_BYTES))
      throw refused(`The first line of an event has ${String(MAX_HEADER_BYTES)} bytes at most.`);
    if (end === -1) return null;
    const line = this.#take(end + 1).toString('utf8');
    const header = parsed(line, headerSchema, 'The first line of an event');
    if ((header.data_length ?? 0) > MAX_DATA_BYTES)
      throw refused(`The data of an event has ${String(MAX_DATA_BYTES)} bytes at most.`);
    if ((header.payload_length ?? 0) > MAX_PAYLOAD_BYTES)
      throw refused(
        `The payload of an event has ${String(MAX_PAYLOAD_BYTES)} bytes at most; send the audio in pieces.`,
      );
    return header;
  }

  #take(bytes: number): Buffer {
    const taken = this.#bytes.subarray(0, bytes);
    this.#bytes = this.#bytes.subarray(bytes);
    return taken;
  }
}

/** An event as it goes over the wire. Data comes after the first line, whose length readers bound. */
export function eventFrame(event: object): string {
  const { type, data } = event as { readonly type: string; readonly data?: object };
  const text = data === undefined ? '' : JSON.stringify(data);
  const lengths = data === undefined ? {} : { data_length: Buffer.byteLength(text) };
  return `${JSON.stringify({ type, ...lengths })}\n${text}`;
}

function parsed<T>(text: string, schema: z.ZodType<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused(`${what} is not JSON.`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const field = (result.error.issues[0]?.path ?? []).map(String).join('.').slice(0, 100);
  throw refused(`${what} has a wrong ${field || 'shape'}.`);
}

function refused(message: string): AsrError {
  return new AsrError('invalid_message', message);
}

const formatSchema = z.object({
  rate: z.number().int().min(8_000).max(192_000),
  width: z.number().int().min(1).max(4),
  channels: z.number().int().min(1).max(16),
});

/** Format of the audio: hertz, bytes a sample, and interleaved channels. */
export type WyomingFormat = z.output<typeof formatSchema>;

const transcribeSchema = z.object({
  name: z.string().max(200).nullish(),
  language: z.string().max(64).nullish(),
  transcript_names: z.array(z.string().max(1_000)).max(10_000).nullish(),
  transcript_terms: z.array(z.string().max(1_000)).max(10_000).nullish(),
});

/** What `transcribe` asks for. */
export interface WyomingWishes {
  readonly model: string | null;
  readonly language: string | null;
  readonly hotwords: string;
}

/** Silence that ends an utterance, milliseconds: the client says where the speech ends, and long utterances read better. */
const ENDPOINTING_MS = 1_000;

/** The format that `audio-start` and `audio-chunk` tell. Throws `invalid_message`. */
export function formatOf(event: WyomingEvent): WyomingFormat {
  return fields(event, formatSchema);
}

/** Reads `transcribe`. Throws `invalid_message`. */
export function wishesOf(event: WyomingEvent): WyomingWishes {
  const { name, language, transcript_names: names, transcript_terms: terms } = fields(event, transcribeSchema);
  return {
    model: name === '' ? null : (name ?? null),
    language: languageOf(language),
    hotwords: hotwordsOf([...(names ?? []), ...(terms ?? [])]),
  };
}

/** The live session for audio of this format. */
export function settingsFor({ model, language, hotwords }: WyomingWishes, format: WyomingFormat): LiveSettings {
  return liveSettingsSchema.parse({
    model,
    language,
    hotwords,
    encoding: ENCODINGS[format.width] ?? 'pcm_s16le',
    sampleRateHz: format.rate,
    channels: format.channels,
    interimResults: false,
    endpointingMs: ENDPOINTING_MS,
  });
}

/** By bytes a sample. Wider samples are integers, too; `samplesOf` makes them 16 bit. */
const ENCODINGS: Readonly<Record<number, LiveEncoding>> = { 1: 'pcm_u8', 2: 'pcm_s16le' };

/** The bytes of a chunk as its session takes them. Throws `invalid_message` for a payload that ends within a sample. */
export function samplesOf({ payload }: WyomingEvent, { width, channels }: WyomingFormat): Buffer {
  if (payload.length % (width * channels) !== 0)
    throw new AsrError('invalid_message', 'The payload of an audio-chunk ends within a sample.');
  if (width <= 2) return payload;
  const narrow = Buffer.alloc((payload.length / width) * 2);
  // Little-endian: the upper two bytes are the last ones.
  for (let from = width - 2, to = 0; to < narrow.length; from += width, to += 2)
    payload.copy(narrow, to, from, from + 2);
  return narrow;
}

function fields<T>(event: WyomingEvent, schema: z.ZodType<T>): T {
  const result = schema.safeParse(event.data);
  if (result.success) return result.data;
  const field = (result.error.issues[0]?.path ?? []).map(String).join('.').slice(0, 100);
  throw new AsrError('invalid_message', `The event ${event.type} has a wrong ${field || 'shape'}.`);
}
