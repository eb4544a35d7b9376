import type { LiveEvent, WatchedEvent } from '@murmuration/client';

/** An utterance as it is shown: its beginning of `stable` characters changes no more. */
export interface Utterance {
  readonly number: number;
  readonly startMs: number;
  readonly text: string;
  readonly stable: number;
  readonly isFinal: boolean;
}

/** Utterances after an event; those without text are left out. A partial never takes away what was said to be stable. */
export function withEvent(utterances: readonly Utterance[], event: LiveEvent | WatchedEvent): readonly Utterance[] {
  if (event.type !== 'partial' && event.type !== 'final') return utterances;
  const others = utterances.filter(({ number }) => number !== event.utterance);
  if (event.text === '') return others.length === utterances.length ? utterances : others;
  const isFinal = event.type === 'final';
  const now: Utterance = {
    number: event.utterance,
    startMs: event.start_ms,
    text: event.text,
    stable: isFinal ? event.text.length : event.stable_chars,
    isFinal,
  };
  const at = others.findIndex(({ number }) => number > event.utterance);
  return at < 0 ? [...others, now] : [...others.slice(0, at), now, ...others.slice(at)];
}
