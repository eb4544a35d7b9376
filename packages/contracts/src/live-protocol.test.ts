import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import {
  clientMessageSchema,
  liveMessage,
  liveMessageSchema,
  liveProtocolJsonSchema,
  serverMessageSchema,
} from './live-protocol.js';
import type { LiveEvent } from './live.js';

describe('The live protocol', () => {
  test('docs/live-protocol.schema.json is what the schemas say; `node scripts/live-schema.mjs` writes it anew', async () => {
    const written: unknown = JSON.parse(
      await readFile(new URL('../../../docs/live-protocol.schema.json', import.meta.url), 'utf8'),
    );
    assert.deepEqual(written, JSON.parse(JSON.stringify(liveProtocolJsonSchema())));
  });

  test('A start needs nothing but its type, and takes no field that is not known', () => {
    assert.equal(clientMessageSchema.safeParse({ type: 'start' }).success, true);
    assert.equal(clientMessageSchema.safeParse({ type: 'start', sampleRate: 16_000 }).success, false);
    assert.equal(
      clientMessageSchema.safeParse({ type: 'resume', session: 's', token: 't', last_event_id: 'x' }).success,
      false,
    );
  });

  test('Every kind of event that clients get fits its schema and has the id to continue from', () => {
    const word = { word: 'a', startMs: 1, endMs: 2, probability: 0.5 };
    const told: LiveEvent[] = [
      { id: '1-0', type: 'speech_started', utterance: 0, atMs: 10 },
      { id: '2-0', type: 'partial', utterance: 0, startMs: 10, endMs: 20, text: 'a b', stableChars: 1, words: [] },
      {
        id: '3-0',
        type: 'final',
        utterance: 0,
        startMs: 10,
        endMs: 20,
        text: 'a b',
        confidence: 0.9,
        words: [word, { ...word, approximate: true }],
        filtered: [{ startMs: 1, endMs: 2, text: 'c', reason: 'repetition' }],
        language: 'en',
        languageProbability: 0.9,
        by: 'silence',
      },
      { id: '4-0', type: 'warning', code: 'idle', message: 'm' },
      {
        id: '5-0',
        type: 'error',
        error: { code: 'transcription_failed', message: 'm', param: null, retryAfterSeconds: null },
      },
      { id: '6-0', type: 'closed', totals: { audioMs: 20, speechMs: 10, utterances: 1, end: 'finished' } },
    ];
    for (const event of told) {
      const message = liveMessage(event);
      assert.deepEqual(liveMessageSchema.parse(message), message);
      assert.deepEqual(serverMessageSchema.parse(message), message);
      assert.equal(message?.event_id, event.id);
    }
    assert.equal(
      liveMessage({ id: '7-0', type: 'speech_ended', utterance: 0, startMs: 10, endMs: 20, by: 'silence' }),
      null,
    );
  });
});
