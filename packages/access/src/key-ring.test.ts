import assert from 'node:assert/strict';
import { timingSafeEqual } from 'node:crypto';
import { describe, test } from 'node:test';
import type { KeyEntry } from './key-entry.js';
import { KeyRing } from './key-ring.js';
import { hashOf } from './secret.js';

const NOW_MS = Date.parse('2026-06-01T00:00:00Z');

function entry(key: string, more: Partial<KeyEntry> = {}): KeyEntry {
  return {
    name: 'acme',
    id: `id-${key}`,
    sha256: hashOf(key).toString('hex'),
    scopes: ['read'],
    weight: 1,
    created_at: '2026-01-01T00:00:00Z',
    ...more,
  };
}

describe('KeyRing', () => {
  test('A key is known by its text, and by nothing that is like it', () => {
    const ring = new KeyRing([entry('one', { weight: 3, scopes: ['jobs', 'read'] }), entry('two')]);
    assert.deepEqual(ring.find('one', NOW_MS), {
      keyId: 'id-one',
      name: 'acme',
      owner: 'acme',
      scopes: new Set(['jobs', 'read']),
      weight: 3,
    });
    for (const wrong of ['', 'on', 'one ', 'One', 'oned', 'id-one', hashOf('one').toString('hex'), 'x'.repeat(10_240)])
      assert.equal(ring.find(wrong, NOW_MS), null, wrong);
  });

  test('Every key is compared, whichever fits and whether one does, and hashes alone are compared', () => {
    const compared: Buffer[] = [];
    const ring = new KeyRing(
      ['one', 'two', 'three', 'four'].map((key) => entry(key)),
      (a, b) => {
        compared.push(a, b);
        return timingSafeEqual(a, b);
      },
    );
    for (const [key, found] of [
      ['one', true],
      ['four', true],
      ['none', false],
      ['x'.repeat(10_240), false],
    ] as const) {
      compared.length = 0;
      assert.equal(ring.find(key, NOW_MS) !== null, found);
      assert.equal(compared.length, 8);
      assert.ok(compared.every((hash) => hash.length === 32));
    }
  });

  test('A name may use in a month what its newest usable key that says so allows', () => {
    const at = (day: number): string => `2026-05-0${String(day)}T00:00:00Z`;
    const acme = (key: string, day: number, more: Partial<KeyEntry>): KeyEntry =>
      entry(key, { name: 'acme', created_at: at(day), ...more });
    const ring = new KeyRing([
      acme('a', 1, { monthly_audio_seconds: 100 }),
      acme('b', 3, { monthly_audio_seconds: 300 }),
      acme('c', 2, { monthly_audio_seconds: 200 }),
      acme('d', 4, {}),
      acme('e', 5, { monthly_audio_seconds: 500, revoked: true }),
      entry('f', { name: 'other' }),
    ]);
    assert.deepEqual(
      ['acme', 'other', 'nobody'].map((name) => ring.monthlyAudioSeconds(name, NOW_MS)),
      [300, null, null],
    );
  });

  test('A key ends at its expiry and when it is revoked', () => {
    const ring = new KeyRing([
      entry('old', { expires_at: '2026-06-01T00:00:00Z' }),
      entry('young', { expires_at: '2026-06-01T00:00:00.001Z' }),
      entry('gone', { revoked: true }),
      entry('kept', { revoked: false }),
    ]);
    assert.deepEqual(
      ['old', 'young', 'gone', 'kept'].map((key) => ring.find(key, NOW_MS) !== null),
      [false, true, false, true],
    );
    assert.deepEqual(
      ['old', 'young', 'gone', 'kept', 'none'].map((key) => ring.byId(`id-${key}`, NOW_MS) !== null),
      [false, true, false, true, false],
    );
    assert.equal(ring.find('young', NOW_MS + 1), null);
  });

  test('While a key is rotated both are valid and own the same things', () => {
    const ring = new KeyRing([entry('before', { expires_at: '2026-06-02T00:00:00Z' }), entry('after')]);
    assert.deepEqual(
      ['before', 'after'].map((key) => ring.find(key, NOW_MS)?.owner),
      ['acme', 'acme'],
    );
    assert.deepEqual(
      ['before', 'after'].map((key) => ring.find(key, NOW_MS + 48 * 3_600_000)?.keyId),
      [undefined, 'id-after'],
    );
  });

  test('Webhooks of an owner are signed with the secret of its newest usable key that has one', () => {
    const secret = (letter: string): string => `whsec_${letter.repeat(32)}`;
    const ring = new KeyRing([
      entry('a', { webhook_secret: secret('A') }),
      entry('b', { webhook_secret: secret('B'), created_at: '2026-03-01T00:00:00Z' }),
      entry('c', { webhook_secret: secret('C'), created_at: '2026-04-01T00:00:00Z', revoked: true }),
      entry('d', { created_at: '2026-05-01T00:00:00Z' }),
      entry('e', { name: 'bolt' }),
    ]);
    assert.equal(ring.webhookSecret('acme', NOW_MS), secret('B'));
    assert.equal(ring.webhookSecret('bolt', NOW_MS), null);
    assert.equal(ring.webhookSecret('nobody', NOW_MS), null);
  });
});
