import { createHash } from 'node:crypto';
import { filteredField, type Filtered, type ModelDescription, type Word, seconds } from '@murmuration/contracts';

/** What the parts of one stream have in common. */
export interface StreamIdentity {
  readonly requestId: string;
  /** ISO 8601. */
  readonly created: string;
}

export interface ResultsContent {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  /** 0 to 1. */
  readonly confidence: number;
  readonly words: readonly Word[];
  readonly language: string | null;
  /** What the filters took away; of finals. */
  readonly filtered?: readonly Filtered[];
}

export interface ResultsFlags {
  readonly isFinal: boolean;
  readonly speechFinal: boolean;
  readonly fromFinalize: boolean;
  /** True: the speech may change its language, so every word tells its own. */
  readonly multilingual: boolean;
}

/** `Results` of Deepgram's live API (@deepgram/sdk, `ListenV1Results`); seconds. */
export function resultsMessage(
  content: ResultsContent,
  flags: ResultsFlags,
  identity: StreamIdentity,
  model: ModelDescription,
): object {
  return {
    type: 'Results',
    channel_index: [0, 1],
    duration: seconds(content.endMs - content.startMs),
    start: seconds(content.startMs),
    is_final: flags.isFinal,
    speech_final: flags.speechFinal,
    from_finalize: flags.fromFinalize,
    channel: {
      alternatives: [
        {
          transcript: content.text,
          confidence: content.confidence,
          ...(content.language === null ? {} : { languages: [content.language] }),
          words: content.words.map((word) => ({
            ...wordOf(word),
            ...(flags.multilingual && content.language !== null ? { language: content.language } : {}),
          })),
        },
      ],
    },
    metadata: { request_id: identity.requestId, ...modelFields(model), ...filteredField(content.filtered ?? []) },
  };
}

/** `Metadata`, the last message of a stream. */
export function metadataMessage(
  identity: StreamIdentity,
  audio: { readonly sha256: string; readonly durationMs: number; readonly channels: number },
  model: ModelDescription | null,
): object {
  return {
    type: 'Metadata',
    transaction_key: 'deprecated',
    request_id: identity.requestId,
    sha256: audio.sha256,
    created: identity.created,
    duration: seconds(audio.durationMs),
    channels: audio.channels,
    ...(model === null
      ? {}
      : { models: [modelUuid(model)], model_info: { [modelUuid(model)]: modelFields(model).model_info } }),
  };
}

function wordOf(word: Word): object {
  const written = word.word.trim();
  return {
    word: plain(written),
    start: seconds(word.startMs),
    end: seconds(word.endMs),
    confidence: word.probability,
    punctuated_word: written,
  };
}

/** A word without the marks around it, in lower case. */
function plain(written: string): string {
  const bare = written.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '').toLowerCase();
  return bare === '' ? written : bare;
}

function modelFields(model: ModelDescription): { readonly model_info: object; readonly model_uuid: string } {
  return { model_info: { name: model.id, version: '1', arch: model.family }, model_uuid: modelUuid(model) };
}

/** The same for a model everywhere, in the shape of a UUID. */
function modelUuid(model: ModelDescription): string {
  const hex = createHash('sha256').update(model.id).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
