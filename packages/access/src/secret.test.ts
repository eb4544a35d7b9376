import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openClientSecret, sealClientSecret } from './secret.js';

test('What was attached to a client secret comes back with it, in letters that a subprotocol may have', () => {
  const attached = '{"audio":{"input":{"transcription":{"prompt":"Grüße, 北京"}}}}';
  const shown = sealClientSecret('ek_a-B_9', attached);
  assert.match(shown, /^[\w.-]+$/);
  assert.deepEqual(openClientSecret(shown), { secret: 'ek_a-B_9', attached });
  assert.deepEqual(openClientSecret(sealClientSecret('ek_a', '')), { secret: 'ek_a', attached: '' });
});

test('Keys, tickets and garbage are no client secrets', () => {
  for (const other of ['murm_abc', 'ticket_abc', 'ek_', 'ek_a.b.c', 'ek_a b', ''])
    assert.equal(openClientSecret(other), null, other);
});
