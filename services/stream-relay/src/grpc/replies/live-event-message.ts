import type { LiveEnd, LiveNews, LiveNewsBody } from '@murmuration/contracts';
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

/** News as clients and viewers are told; null for what they are not told (`speech_ended`: the final follows). */
export function liveEventMessage(news: LiveNews): proto.LiveEvent | null {
  const body = bodyOf(news);
  return body === null ? null : { eventId: news.id, ...body };
}

type Body = proto.LiveEvent extends infer One
  ? One extends { readonly body: string }
    ? Omit<One, 'eventId'>
    : never
  : never;

function bodyOf(news: LiveNewsBody): Body | null {
  switch (news.type) {
    case 'speech_started':
      return { body: 'speechStarted', speechStarted: { utterance: news.utterance, atMs: wholeMs(news.atMs) } };
    case 'speech_ended':
      return null;
    case 'partial':
      return { body: 'partial', partial: { ...spanOf(news), text: news.text, stableChars: news.stableChars } };
    case 'final':
      return {
        body: 'final',
        final: {
          ...spanOf(news),
          text: news.text,
          confidence: news.confidence,
          words: news.words.map(wordMessage),
          filtered: news.filtered.map(filteredMessage),
          language: news.language,
          languageProbability: news.languageProbability,
        },
      };
    case 'warning':
      return { body: 'warning', warning: { code: news.code, message: news.message } };
    case 'error':
      return { body: 'error', error: faultMessage(news.error) };
    case 'closed':
      return {
        body: 'closed',
        closed: {
          audioMs: wholeMs(news.totals.audioMs),
          speechMs: wholeMs(news.totals.speechMs),
          utterances: news.totals.utterances,
          end: ENDS[news.totals.end],
        },
      };
  }
}

function spanOf({
  utterance,
  startMs,
  endMs,
}: {
  readonly utterance: number;
  readonly startMs: number;
  readonly endMs: number;
}) {
  return { utterance, startMs: wholeMs(startMs), endMs: wholeMs(endMs) };
}
