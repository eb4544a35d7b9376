import { AsrError, liveSettingsSchema, type LiveSettings, type StartMessage } from '@murmuration/contracts';

const LANGUAGE = /^([a-z]{2,3})(?:[-_][a-z0-9]{2,8})*$/;

/** The settings that a start message asks for. Throws `unsupported_language` for what is no language code. */
export function settingsOf(start: StartMessage): LiveSettings {
  return liveSettingsSchema.parse({
    model: start.model,
    encoding: start.encoding,
    sampleRateHz: start.sample_rate,
    channels: start.channels,
    language: start.language === undefined || start.language === null ? null : languageOf(start.language),
    prompt: start.prompt,
    hotwords: start.hotwords,
    interimResults: start.interim_results,
    wordTimestamps: start.word_timestamps,
    endpointingMs: start.endpointing_ms,
    maxUtteranceMs: start.max_utterance_ms,
  });
}

function languageOf(text: string): string | null {
  const lower = text.trim().toLowerCase();
  if (lower === 'auto') return null;
  const code = LANGUAGE.exec(lower)?.[1];
  if (code === undefined) throw new AsrError('unsupported_language', 'language: not a language code. Use one that GET /capabilities lists, for example en.', { param: 'language' });
  return code;
}
