import type { ModelDescription } from '@murmuration/contracts';

/** Clients refuse an entry without the two. */
const ATTRIBUTION = { name: 'Murmuration', url: '' };

/**
 * The answer to `describe`: one program a model, named after it, the default model's first. Home Assistant takes the first program
 * and never names a model, so the languages it offers are those of the model that it gets.
 */
export function infoEvent(models: readonly ModelDescription[]): object {
  return {
    type: 'info',
    data: {
      asr: models.map(({ id, languages }) => {
        const artifact = { name: id, attribution: ATTRIBUTION, installed: true, description: id, version: null };
        return {
          ...artifact,
          models: [{ ...artifact, languages }],
          supports_transcript_streaming: true,
          requires_external_vad: true,
        };
      }),
      tts: [],
      handle: [],
      intent: [],
      wake: [],
      mic: [],
      snd: [],
    },
  };
}
