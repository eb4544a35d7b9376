import { said } from '../../testing/live-events.js';
import type { Action } from '../../translator.js';
import { RealtimeTranslator, type RealtimeOptions } from '../realtime-translator.js';

/** 100 ms of silence at 24 kHz, base64. */
const AUDIO = Buffer.alloc(4_800).toString('base64');

export const APPEND = JSON.stringify({ type: 'input_audio_buffer.append', audio: AUDIO });

export const COMMIT = JSON.stringify({ type: 'input_audio_buffer.commit', event_id: 'mine' });

/** A translator whose ids count up by kind. */
export function translator(more: Partial<RealtimeOptions> = {}): RealtimeTranslator {
  const counts = new Map<string, number>();
  const newId = (kind: string): string => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return `${kind}_${String(count)}`;
  };
  return new RealtimeTranslator({ newId, model: null, input: null, legacy: false, quietLimitMs: 1_000, ...more });
}

/** A translator whose session is open with this session. */
export function live(session: object = {}, more: Partial<RealtimeOptions> = {}): RealtimeTranslator {
  const made = translator(more);
  made.text(update(session));
  made.text(APPEND);
  made.opened({ index: 0 });
  return made;
}

/** The message that sets the session. */
export function update(session: object): string {
  return JSON.stringify({ type: 'session.update', session: { type: 'transcription', ...session } });
}

/** Types of the events without their common beginning, with the item that they are of. */
export function brief(actions: readonly Action[]): string[] {
  return said(actions).map(
    (event) =>
      `${String(event['type']).replace(/^.*\.(?=[^.]+$)/, '')}${typeof event['item_id'] === 'string' ? ` ${event['item_id']}` : ''}`,
  );
}

/** What the deltas of transcripts come to. */
export function deltas(actions: readonly Action[]): string {
  return said(actions)
    .map(({ delta }) => (typeof delta === 'string' ? delta : ''))
    .join('');
}
