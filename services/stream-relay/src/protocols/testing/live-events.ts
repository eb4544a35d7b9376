import type { LiveEnd, LiveEvent, Word } from '@murmuration/contracts';
import { testModel } from '@murmuration/contracts/testing';
import type { Action } from '../translator.js';

type By = Extract<LiveEvent, { type: 'final' }>['by'];

/** A model for translators that tell of one. */
export const TEST_MODEL = testModel({ id: 'test-model', wordTimes: 'approximate' });

/** Events of a session: utterance `n` begins at `n` times two seconds and lasts one. */
export const event = {
  started: (utterance: number): LiveEvent => ({
    id: '1-0',
    type: 'speech_started',
    utterance,
    atMs: utterance * 2_000,
  }),
  ended: (utterance: number, by: By = 'silence'): LiveEvent => ({
    id: '1-0',
    type: 'speech_ended',
    utterance,
    ...times(utterance),
    by,
  }),
  partial: (utterance: number, text: string, stableChars = text.length): LiveEvent => ({
    id: '1-0',
    type: 'partial',
    utterance,
    ...times(utterance),
    text,
    stableChars,
    words: [],
  }),
  final: (utterance: number, text: string, by: By = 'silence', words: readonly Word[] = []): LiveEvent => ({
    id: '1-0',
    type: 'final',
    utterance,
    ...times(utterance),
    text,
    confidence: 0.9,
    words,
    filtered: [],
    language: 'en',
    languageProbability: 0.8,
    by,
  }),
  error: (): LiveEvent => ({
    id: '1-0',
    type: 'error',
    error: { code: 'transcription_failed', message: 'It failed.', param: null, retryAfterSeconds: null },
  }),
  closed: (end: LiveEnd = 'finished'): LiveEvent => ({
    id: '1-0',
    type: 'closed',
    totals: { audioMs: 5_000, speechMs: 1_000, utterances: 1, end },
  }),
};

function times(utterance: number): { readonly startMs: number; readonly endMs: number } {
  return { startMs: utterance * 2_000, endMs: utterance * 2_000 + 1_000 };
}

/** What is said by the actions, those decided later included, as they would be read. */
export function said(actions: readonly Action[]): Record<string, unknown>[] {
  return actions.flatMap((action) =>
    action.do === 'say'
      ? [JSON.parse(JSON.stringify(action.message)) as Record<string, unknown>]
      : action.do === 'then'
        ? said(action.next())
        : [],
  );
}

/** What is done by the actions, in order, without what is said. */
export function done(actions: readonly Action[]): string[] {
  return actions.flatMap((action) =>
    action.do === 'say' || action.do === 'then'
      ? []
      : [action.do === 'close' ? `close ${String(action.code)}` : action.do],
  );
}

/** The settings that a session is opened with. Throws when none is. */
export function openedWith(actions: readonly Action[]): Extract<Action, { do: 'open' }>['settings'] {
  const open = actions.find((action) => action.do === 'open');
  if (open === undefined) throw new Error(`no session is opened by ${JSON.stringify(actions)}`);
  return open.settings;
}
