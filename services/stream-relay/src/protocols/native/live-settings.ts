import { languageOf, liveSettingsSchema, type LiveSettings, type StartMessage } from '@murmuration/contracts';

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
