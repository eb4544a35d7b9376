import { detectsTurns, type SessionInput } from './session-input.js';

/** The session as the server tells it back, with the defaults filled in. @param model of the address, where the input names none */
export function sessionAnswer(id: string, input: SessionInput, model: string | null): Record<string, unknown> {
  return {
    type: 'transcription',
    object: 'realtime.transcription_session',
    id,
    audio: {
      input: {
        format: input.format ?? { type: 'audio/pcm', rate: 24_000 },
        transcription: transcriptionOf(input, model),
        noise_reduction: input.noise_reduction ?? null,
        turn_detection: turnsOf(input, model),
      },
    },
  };
}

/** The same in the shape of `transcription_session.updated`, from before the API was finished. */
export function legacySessionAnswer(id: string, input: SessionInput, model: string | null): Record<string, unknown> {
  const { type } = input.format ?? { type: 'audio/pcm' };
  return {
    object: 'realtime.transcription_session',
    id,
    modalities: ['audio', 'text'],
    input_audio_format: type === 'audio/pcm' ? 'pcm16' : type === 'audio/pcmu' ? 'g711_ulaw' : 'g711_alaw',
    input_audio_transcription: transcriptionOf(input, model),
    input_audio_noise_reduction: input.noise_reduction ?? null,
    turn_detection: turnsOf(input, model),
  };
}

function transcriptionOf(input: SessionInput, model: string | null): Record<string, unknown> {
  return { ...(model === null ? {} : { model }), ...input.transcription };
}

function turnsOf(input: SessionInput, model: string | null): unknown {
  if (!detectsTurns(input, input.transcription?.model ?? model)) return null;
  return input.turn_detection ?? { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500 };
}
