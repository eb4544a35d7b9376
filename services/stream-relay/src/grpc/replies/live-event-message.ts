import type { LiveEnd, LiveEvent, LiveEventBody, UtteranceNumber } from '@murmuration/contracts';
import type * as proto from '@murmuration/contracts/grpc';
import { faultMessage } from './job-message.js';
import { filteredMessage, wholeMs, wordMessage } from './transcript-message.js';

const ENDS = {
  finished: 'LIVE_END_FINISHED',
  cancelled: 'LIVE_END_CANCELLED',
  idle: 'LIVE_END_IDLE',
  too_long: 'LIVE_END_TOO_LONG',
  abandoned: 'LIVE_END_ABANDONED',
  failed: 'LIVE_END_FAILED',
} as const satisfies Record<LiveEnd, proto.LiveEnd>;

/** An event as clients and viewers are told of it; null for what they are not told (`speech_ended`: the final follows). */
export function liveEventMessage(event: LiveEvent): proto.LiveEvent | null {
  const body = bodyOf(event);
  return body === null ? null : { eventId: event.id, ...body };
}

type Body = proto.LiveEvent extends infer One
  ? One extends { readonly body: string }
    ? Omit<One, 'eventId'>
    : never
  : never;

function bodyOf(event: LiveEventBody): Body | null {
  switch (event.type) {
    case 'speech_started':
      return { body: 'speechStarted', speechStarted: { utterance: event.utterance, atMs: wholeMs(event.atMs) } };
    case 'speech_ended':
      return null;
    case 'partial':
      return { body: 'partial', partial: { ...spanOf(event), text: event.text, stableChars: event.stableChars } };
    case 'final':
      return {
        body: 'final',
        final: {
          ...spanOf(event),
          text: event.text,
          confidence: event.confidence,
          words: event.words.map(wordMessage),
          filtered: event.filtered.map(filteredMessage),
          language: event.language,
          languageProbability: event.languageProbability,
        },
      };
    case 'warning':
      return { body: 'warning', warning: { code: event.code, message: event.message } };
    case 'error':
      return { body: 'error', error: faultMessage(event.error) };
    case 'closed':
      return {
        body: 'closed',
        closed: {
          audioMs: wholeMs(event.totals.audioMs),
          speechMs: wholeMs(event.totals.speechMs),
          utterances: event.totals.utterances,
          end: ENDS[event.totals.end],
        },
      };
  }
}

function spanOf({
  utterance,
  startMs,
  endMs,
}: {
  readonly utterance: UtteranceNumber;
  readonly startMs: number;
  readonly endMs: number;
}) {
  return { utterance, startMs: wholeMs(startMs), endMs: wholeMs(endMs) };
}
