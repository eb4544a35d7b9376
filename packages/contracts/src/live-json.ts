import { AsrError } from './asr-error.js';
import type { LiveNews } from './live.js';
import type { LiveEvent } from './live-protocol.js';

/** News as the own protocol and viewers are told; null for what they are not told (`speech_ended`: the final follows). */
export function liveEvent(news: LiveNews): LiveEvent | null {
  const event_id = news.id;
  switch (news.type) {
    case 'speech_started': return { type: 'speech_started', event_id, utterance: news.utterance, at_ms: news.atMs };
    case 'speech_ended': return null;
    case 'partial': return { type: 'partial', event_id, utterance: news.utterance, start_ms: news.startMs, end_ms: news.endMs, text: news.text, stable_chars: news.stableChars };
    case 'final': return {
      type: 'final', event_id, utterance: news.utterance, start_ms: news.startMs, end_ms: news.endMs, text: news.text, confidence: news.confidence,
      words: news.words.map((word) => ({ word: word.word, start_ms: word.startMs, end_ms: word.endMs, probability: word.probability, ...(word.approximate === undefined ? {} : { approximate: word.approximate }) })),
      filtered: news.filtered.map((one) => ({ start_ms: one.startMs, end_ms: one.endMs, text: one.text, reason: one.reason })),
      language: news.language,
    };
    case 'warning': return { type: 'warning', event_id, code: news.code, message: news.message };
    case 'error': return { ...errorMessage(AsrError.fromRecord(news.error)), event_id };
    case 'closed': return { type: 'closed', event_id, totals: { audio_ms: news.totals.audioMs, speech_ms: news.totals.speechMs, utterances: news.totals.utterances, end: news.totals.end } };
  }
}

/** An error as the own protocol tells it. */
export function errorMessage(error: AsrError): Extract<LiveEvent, { type: 'error' }> {
  return { type: 'error', code: error.code, message: error.message, param: error.param, retryable: error.kind.retry };
}
