import { languageOf, liveSettingsSchema, type LiveEncoding, type LiveSettings } from '@murmuration/contracts';
import type * as proto from '@murmuration/contracts/grpc';
import { chosen, given, parsed, snakeCase } from './ids.js';

const ENCODINGS = {
  LIVE_ENCODING_PCM_S16LE: 'pcm_s16le',
  LIVE_ENCODING_PCM_F32LE: 'pcm_f32le',
  LIVE_ENCODING_PCM_U8: 'pcm_u8',
  LIVE_ENCODING_MULAW: 'mulaw',
  LIVE_ENCODING_ALAW: 'alaw',
  LIVE_ENCODING_OPUS: 'opus',
} as const satisfies Record<string, LiveEncoding>;
const ENCODING_NAMES = Object.fromEntries(
  Object.entries(ENCODINGS).map(([name, encoding]) => [encoding, name]),
) as Readonly<Record<LiveEncoding, keyof typeof ENCODINGS>>;

const schema = liveSettingsSchema.extend({
  model: liveSettingsSchema.shape.model
    .unwrap()
    .refine((name) => name === null || name.length <= 200, 'at most 200 characters'),
});

/** What the first message of a session asks for. Throws `invalid_field`, naming the field from `config` on. */
export function readLiveConfig(config: proto.LiveConfig): LiveSettings {
  return parsed(
    schema,
    {
      ...given({ ...config, encoding: chosen('config.encoding', config.encoding, ENCODINGS) }),
      model: config.model === '' ? null : config.model,
      language: languageOf(config.language),
    },
    (path) => ['config', ...path.map(snakeCase)].join('.'),
  );
}

/** Settings as a session has them, every field filled in. */
export function liveConfig(settings: LiveSettings): proto.LiveConfig {
  return {
    ...settings,
    encoding: ENCODING_NAMES[settings.encoding],
    model: settings.model ?? '',
    language: settings.language ?? '',
  };
}
