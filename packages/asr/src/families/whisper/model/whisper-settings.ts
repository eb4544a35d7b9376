import { z } from 'zod';
import { ModelFault, readModelJson, readOptionalModelJson } from '../../../models/model-folder.js';

const token = z.number().int().nonnegative();

const configSchema = z.object({
  vocab_size: z.number().int().positive(),
  num_mel_bins: z.number().int().positive().default(80),
  d_model: z.number().int().positive(),
  decoder_layers: z.number().int().positive(),
  encoder_attention_heads: z.number().int().positive().optional(),
  decoder_attention_heads: z.number().int().positive(),
  max_source_positions: z.number().int().positive().default(1_500),
  max_target_positions: z.number().int().positive().default(448),
  median_filter_width: z.number().int().positive().default(7),
});

const generationSchema = z.object({
  is_multilingual: z.boolean().optional(),
  suppress_tokens: z.array(token).nullish(),
  begin_suppress_tokens: z.array(token).nullish(),
  max_initial_timestamp_index: z.number().int().nonnegative().nullish(),
  alignment_heads: z.array(z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()])).nullish(),
  lang_to_id: z.record(z.string(), token).nullish(),
});

/** What the files beside the graphs say about a model. */
export interface WhisperSettings {
  readonly mels: number;
  readonly width: number;
  readonly layers: number;
  /** Null where the configuration does not tell. */
  readonly encoderHeads: number | null;
  /** Of the decoder. */
  readonly heads: number;
  readonly vocabularySize: number;
  /** Encoder positions of a window: 1,500, each 20 ms. */
  readonly encoderPositions: number;
  /** Tokens that prompt and text may have together: 448. */
  readonly maxTokens: number;
  /** True or false when the files say so. */
  readonly multilingual: boolean | null;
  readonly suppressTokens: readonly number[];
  readonly beginSuppressTokens: readonly number[];
  /** The first time of a window may be at most this many steps of 20 ms; null: no limit. */
  readonly maxInitialTimestamp: number | null;
  /** Pairs of layer and head whose cross-attention follows the speech; empty when the files name none. */
  readonly alignmentHeads: readonly (readonly [layer: number, head: number])[];
  readonly medianFilterWidth: number;
  /** Language tokens by name, when listed. */
  readonly languageTokens: ReadonlyMap<string, number> | null;
}

/** Reads config.json and generation_config.json. Throws `ModelFault`: `model_not_whisper` for another kind of model, `model_file_missing` and `model_file_invalid`. */
export async function readWhisperSettings(folder: string): Promise<WhisperSettings> {
  const raw = await readModelJson(folder, 'config.json');
  const kind = z.object({ model_type: z.string() }).safeParse(raw);
  if (!kind.success || kind.data.model_type !== 'whisper') {
    throw new ModelFault(
      'model_not_whisper',
      `config.json names the model type ${kind.success ? `"${kind.data.model_type}"` : '(none)'}, expected "whisper"`,
    );
  }
  const config = parsed(configSchema, raw, 'config.json');
  const generation = parsed(
    generationSchema,
    (await readOptionalModelJson(folder, 'generation_config.json')) ?? {},
    'generation_config.json',
  );
  const languages = generation.lang_to_id ?? null;
  return {
    mels: config.num_mel_bins,
    width: config.d_model,
    layers: config.decoder_layers,
    encoderHeads: config.encoder_attention_heads ?? null,
    heads: config.decoder_attention_heads,
    vocabularySize: config.vocab_size,
    encoderPositions: config.max_source_positions,
    maxTokens: config.max_target_positions,
    multilingual: generation.is_multilingual ?? null,
    suppressTokens: generation.suppress_tokens ?? [],
    beginSuppressTokens: generation.begin_suppress_tokens ?? [],
    maxInitialTimestamp: generation.max_initial_timestamp_index ?? null,
    alignmentHeads: generation.alignment_heads ?? [],
    medianFilterWidth: config.median_filter_width,
    languageTokens: languages === null ? null : new Map(Object.entries(languages)),
  };
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ModelFault(
    'model_file_invalid',
    `${name} of the model is not as expected: ${z.prettifyError(result.error)}`,
    result.error,
  );
}
