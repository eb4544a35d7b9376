import { z } from 'zod';
import { AsrError } from '@murmuration/contracts';

/** Longest audio of one `append`, bytes, as OpenAI has it. */
const MAX_APPEND_BYTES = 15 * 1024 * 1024;
/** Longest message that an `append` makes: base64, and the rest of the JSON. */
export const MAX_EVENT_BYTES = Math.ceil(MAX_APPEND_BYTES / 3) * 4 + 4_096;

export type ClientEvent = { readonly id: string | null } & (
  | { readonly type: 'session.update' | 'transcription_session.update'; readonly session: unknown }
  | { readonly type: 'input_audio_buffer.append'; readonly audio: Buffer }
  | { readonly type: 'input_audio_buffer.commit' | 'input_audio_buffer.clear' }
);

const envelopeSchema = z.looseObject({
  type: z.string(),
  event_id: z.string().max(512).optional(),
  session: z.unknown().optional(),
  audio: z.unknown().optional(),
});

/** An event of the client. Throws `invalid_message` for what is none, `invalid_field` for audio that is not base64 or too long. */
export function clientEvent(message: string): ClientEvent {
  const { type, event_id: eventId, session, audio } = envelope(message);
  const id = eventId ?? null;
  switch (type) {
    case 'session.update':
    case 'transcription_session.update':
      return { type, id, session };
    case 'input_audio_buffer.append':
      return { type, id, audio: audioOf(audio) };
    case 'input_audio_buffer.commit':
    case 'input_audio_buffer.clear':
      return { type, id };
    default:
      throw new AsrError(
        'invalid_message',
        'A transcription session knows session.update, input_audio_buffer.append, input_audio_buffer.commit and input_audio_buffer.clear.',
        { param: 'type' },
      );
  }
}

function envelope(message: string): z.output<typeof envelopeSchema> {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    throw new AsrError('invalid_message', 'The message is not JSON.');
  }
  const result = envelopeSchema.safeParse(value);
  if (!result.success)
    throw new AsrError('invalid_message', 'A message is a JSON object with a string `type`.', { param: 'type' });
  return result.data;
}

function audioOf(audio: unknown): Buffer {
  // Buffer.from would skip what is not base64 and keep the noise that is left.
  if (typeof audio !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(audio))
    throw new AsrError('invalid_field', 'audio: must be audio in base64.', { param: 'audio' });
  const bytes = Buffer.from(audio, 'base64');
  if (bytes.length > MAX_APPEND_BYTES)
    throw new AsrError('invalid_field', `audio: longer than ${String(MAX_APPEND_BYTES)} bytes. Send it in parts.`, {
      param: 'audio',
    });
  return bytes;
}
