import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWebhookSecret, isWebhookSecret } from './webhook-secret.js';

test('A new secret is one, and no two are equal', () => {
  const secrets = [createWebhookSecret(), createWebhookSecret()];
  assert.ok(secrets.every(isWebhookSecret));
  assert.notEqual(secrets[0], secrets[1]);
});

test('Secrets without prefix, too short, too long or not in base64 are refused', () => {
  const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
  assert.ok(isWebhookSecret(of(24)) && isWebhookSecret(of(64)));
  for (const secret of [of(23), of(65), of(32).slice(6), `${of(32)} `, of(32).replace('B', '*'), 'whsec_', '']) assert.equal(isWebhookSecret(secret), false);
});
