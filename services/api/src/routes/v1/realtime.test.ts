import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openClientSecret } from '@murmuration/access';
import { testApp } from '../../testing/test-app.js';

const URL = '/v1/realtime/client_secrets';
const JSON_TYPE = { 'content-type': 'application/json' };

interface Secret {
  readonly value: string;
  readonly expires_at: number;
  readonly session: Readonly<Record<string, unknown>>;
}

describe('Client secrets', () => {
  test("A secret comes in OpenAI's form, carries its session, and lives as long as was asked.", async (t) => {
    const { app } = await testApp(t);
    const session = {
      type: 'transcription',
      audio: { input: { transcription: { model: 'gpt-4o-transcribe', language: 'en' } } },
    };
    const reply = await app.inject({
      method: 'POST',
      url: URL,
      headers: JSON_TYPE,
      payload: JSON.stringify({ session, expires_after: { anchor: 'created_at', seconds: 30 } }),
    });
    const secret = reply.json<Secret>();
    assert.deepEqual(
      [reply.statusCode, reply.headers['cache-control'], secret.session['type'], secret.session['audio']],
      [200, 'no-store', 'transcription', session.audio],
    );
    assert.deepEqual(JSON.parse(openClientSecret(secret.value)?.attached ?? ''), session);
    const leftSeconds = secret.expires_at - Date.now() / 1_000;
    assert.ok(leftSeconds > 0 && leftSeconds <= 30, String(leftSeconds));
  });

  test('Nothing need be said: the session is a transcription, and ten minutes are usual.', async (t) => {
    const { app } = await testApp(t);
    for (const payload of [undefined, '{}']) {
      const reply = await app.inject({
        method: 'POST',
        url: URL,
        ...(payload === undefined ? {} : { headers: JSON_TYPE, payload }),
      });
      const { value, expires_at: expiresAt } = reply.json<Secret>();
      assert.match(value, /^ek_[\w-]{43}$/);
      assert.ok(expiresAt - Date.now() / 1_000 > 590);
    }
  });

  test('What is no JSON, another kind of session, a life out of range and a session that fits no header are refused by name.', async (t) => {
    const { app } = await testApp(t);
    const wrong = [
      ['no json', 'invalid_request', null],
      ['{"session":{"type":"realtime"}}', 'invalid_field', 'session.type'],
      ['{"expires_after":{"seconds":5}}', 'invalid_field', 'expires_after.seconds'],
      [JSON.stringify({ session: { type: 'transcription', prompt: 'x'.repeat(5_000) } }), 'invalid_field', 'session'],
    ] as const;
    for (const [payload, code, param] of wrong) {
      const reply = await app.inject({ method: 'POST', url: URL, headers: JSON_TYPE, payload });
      const { error } = reply.json<{ error: { code: string; param: string | null } }>();
      assert.deepEqual([reply.statusCode, error.code, error.param], [400, code, param], payload.slice(0, 60));
    }
  });
});
