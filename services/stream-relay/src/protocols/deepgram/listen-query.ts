import { AsrError, languageOf, liveSettingsSchema, type LiveEncoding, type LiveSettings } from '@murmuration/contracts';
import { hotwordsOf } from '../translator.js';

/** What the address of a live stream asks for. */
export interface ListenQuery {
  /** Settings but for the audio's form where `encoding` is null. */
  readonly settings: LiveSettings;
  /** Null: a container, told by its first bytes. */
  readonly encoding: LiveEncoding | null;
  /** False: pauses end results, yet are not told as ends of speech. */
  readonly endpointing: boolean;
  /** Silence, milliseconds of audio, after which `UtteranceEnd` is told; null: never. */
  readonly utteranceEndMs: number | null;
  readonly vadEvents: boolean;
}

const ENCODINGS: Readonly<Record<string, LiveEncoding>> = {
  linear16: 'pcm_s16le',
  linear32: 'pcm_f32le',
  mulaw: 'mulaw',
  alaw: 'alaw',
  opus: 'opus',
  'ogg-opus': 'opus',
};
/** Encodings whose rate nobody but the client knows. */
const RAW: ReadonlySet<LiveEncoding> = new Set(['pcm_s16le', 'pcm_f32le', 'mulaw', 'alaw']);

/** Clients ask for 10 or 25 ms, at which every breath would end a sentence. */
const ENDPOINTING_FLOOR_MS = 300;
/** With `endpointing=false` pauses still end results, but later. */
const NO_ENDPOINTING_MS = 1_000;

/** Reads the parameters of `/v1/listen`. What is not known is let pass; what would change what the answer means and cannot be had is refused. Throws `invalid_field`. */
export function listenQuery(query: URLSearchParams): ListenQuery {
  refuseWhatIsMissing(query);
  const encoding = encodingOf(query);
  const endpointing = query.get('endpointing');
  const utteranceEndMs = query.get('utterance_end_ms');
  return {
    encoding,
    endpointing: endpointing !== 'false',
    utteranceEndMs:
      utteranceEndMs === null || utteranceEndMs === '' || utteranceEndMs === 'false'
        ? null
        : Math.max(ENDPOINTING_FLOOR_MS, whole('utterance_end_ms', utteranceEndMs, 0, 60_000)),
    vadEvents: flag(query, 'vad_events'),
    settings: liveSettingsSchema.parse({
      model: query.get('model')?.slice(0, 256) ?? null,
      encoding: encoding ?? 'opus',
      ...(encoding !== null && RAW.has(encoding)
        ? {
            sampleRateHz: rateOf(query.get('sample_rate')),
            channels: whole('channels', query.get('channels') ?? '1', 1, 16),
          }
        : {}),
      language: flag(query, 'detect_language') ? null : languageOf(query.get('language')),
      hotwords: hotwordsOf([
        ...query.getAll('keyterm'),
        ...query.getAll('keywords').map((word) => word.replace(/:-?[\d.]+$/, '')),
      ]),
      interimResults: flag(query, 'interim_results'),
      wordTimestamps: true,
      endpointingMs: endpointingMs(endpointing),
    }),
  };
}

function refuseWhatIsMissing(query: URLSearchParams): void {
  const refused = ['redact', 'callback'].find((name) =>
    query.getAll(name).some((value) => value !== '' && value !== 'false'),
  );
  if (refused !== undefined)
    throw invalid(refused, 'is not served here, and leaving it undone would not be what you expect');
  if (flag(query, 'multichannel') && (query.get('channels') ?? '1') !== '1')
    throw invalid('multichannel', 'is not served live; open a connection a channel');
}

function encodingOf(query: URLSearchParams): LiveEncoding | null {
  const name = query.get('encoding');
  if (name === null || name === '') return null;
  const encoding = ENCODINGS[name.toLowerCase()];
  if (encoding === undefined)
    throw invalid('encoding', `must be one of ${Object.keys(ENCODINGS).join(', ')}, or left out for Ogg, WebM or WAV`);
  return encoding;
}

function rateOf(text: string | null): number {
  if (text === null) throw invalid('sample_rate', 'is needed with this encoding');
  return whole('sample_rate', text, 8_000, 192_000);
}

function endpointingMs(text: string | null): number {
  if (text === 'false') return NO_ENDPOINTING_MS;
  if (text === null || text === '' || text === 'true') return ENDPOINTING_FLOOR_MS;
  return Math.max(ENDPOINTING_FLOOR_MS, whole('endpointing', text, 0, 10_000));
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === 'true' || value === '1';
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
    throw invalid(name, `must be a whole number from ${String(least)} to ${String(most)}`);
  return value;
}

function invalid(name: string, why: string): AsrError {
  return new AsrError('invalid_field', `${name}: ${why}.`, { param: name });
}
