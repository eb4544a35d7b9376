import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Access } from './access.js';
import type { KeyEntry } from './key-entry.js';
import { KeyRing } from './key-ring.js';
import { ANONYMOUS, NOBODY, hasScope, owns, reachOf, requireScope, type Principal, type Scope } from './principal.js';
import { hashOf } from './secret.js';
import type { TicketStore } from './tickets.js';

const NOW_MS = Date.parse('2026-06-01T00:00:00Z');

/** A store as Redis keeps one, by the test's clock. */
class Store implements TicketStore {
  nowMs = NOW_MS;
  readonly held = new Map<string, { readonly keyId: string; readonly untilMs: number }>();

  put(hash: string, keyId: string, lifeMs: number): Promise<void> {
    this.held.set(hash, { keyId, untilMs: this.nowMs + lifeMs });
    return Promise.resolve();
  }

  read(hash: string): Promise<string | null> {
    const held = this.held.get(hash);
    return Promise.resolve(held !== undefined && this.nowMs < held.untilMs ? held.keyId : null);
  }

  take(hash: string): Promise<string | null> {
    const found = this.read(hash);
    this.held.delete(hash);
    return found;
  }
}

function ringOf(more: Partial<KeyEntry> = {}): KeyRing {
  return new KeyRing([
    {
      name: 'acme',
      id: 'id-1',
      sha256: hashOf('k1').toString('hex'),
      scopes: ['read'],
      weight: 1,
      created_at: '2026-01-01T00:00:00Z',
      ...more,
    },
  ]);
}

const REFUSED = { code: 'unauthenticated', message: 'No valid API key was sent. Send `Authorization: Bearer KEY`.' };

describe('Access', () => {
  test('Without keys everybody may do everything, whatever they show', async () => {
    const access = new Access(null, new Store());
    assert.equal(access.open, true);
    for (const credentials of [
      { kind: 'none' },
      { kind: 'key', key: 'x' },
      { kind: 'ticket', ticket: 'x', use: 'once' },
    ] as const)
      assert.equal(await access.authenticate(credentials), ANONYMOUS);
    assert.equal(access.webhookSecret('acme'), null);
  });

  test('A key lets in; absent, wrong and ended ones are refused in the same words', async () => {
    const access = new Access({ ring: ringOf() }, new Store(), () => NOW_MS);
    assert.equal((await access.authenticate({ kind: 'key', key: 'k1' })).keyId, 'id-1');
    for (const credentials of [
      { kind: 'none' },
      { kind: 'key', key: 'k' },
      { kind: 'key', key: 'x'.repeat(10_240) },
      { kind: 'ticket', ticket: 'x', use: 'read' },
    ] as const)
      await assert.rejects(access.authenticate(credentials), REFUSED);
    for (const more of [{ revoked: true }, { expires_at: '2026-05-31T23:59:59Z' }]) {
      await assert.rejects(
        new Access({ ring: ringOf(more) }, new Store(), () => NOW_MS).authenticate({ kind: 'key', key: 'k1' }),
        REFUSED,
      );
    }
  });

  test('A ticket of one node reads on another until it expires, and opens one stream', async () => {
    const store = new Store();
    const [one, other] = [
      new Access({ ring: ringOf() }, store, () => NOW_MS),
      new Access({ ring: ringOf() }, store, () => NOW_MS),
    ];
    const { ticket, expiresAtMs } = await one.issueTicket(await one.authenticate({ kind: 'key', key: 'k1' }));
    assert.equal(expiresAtMs, NOW_MS + 60_000);
    for (let i = 0; i < 3; i++)
      assert.equal((await other.authenticate({ kind: 'ticket', ticket, use: 'read' })).keyId, 'id-1');
    assert.equal((await other.authenticate({ kind: 'ticket', ticket, use: 'once' })).keyId, 'id-1');
    for (const use of ['once', 'read'] as const)
      await assert.rejects(one.authenticate({ kind: 'ticket', ticket, use }), REFUSED);
    const second = await one.issueTicket(await one.authenticate({ kind: 'key', key: 'k1' }));
    store.nowMs = second.expiresAtMs;
    await assert.rejects(one.authenticate({ kind: 'ticket', ticket: second.ticket, use: 'read' }), REFUSED);
  });

  test('The store of tickets holds neither a ticket nor a key', async () => {
    const store = new Store();
    // So long that it does not stand in a random seal by chance.
    const key = 'key-of-the-store-of-tickets';
    const access = new Access({ ring: ringOf({ sha256: hashOf(key).toString('hex') }) }, store, () => NOW_MS);
    const { ticket } = await access.issueTicket(await access.authenticate({ kind: 'key', key }));
    assert.match(ticket, /^ticket_[\w-]{43}$/);
    const [[hash, held] = ['', { keyId: '', untilMs: 0 }], ...more] = [...store.held];
    assert.deepEqual([hash, held.untilMs, more], [hashOf(ticket).toString('hex'), NOW_MS + 60_000, []]);
    assert.match(held.keyId, /^id-1:\d+:[\w-]{43}$/);
    for (const secret of [key, hashOf(key).toString('hex'), hashOf(key).toString('base64url')])
      assert.ok(!held.keyId.includes(secret));
  });

  test('Who may write to the store of tickets cannot make one, give one to another key, lengthen it or copy it to another text', async () => {
    const store = new Store();
    const other: KeyEntry = {
      name: 'boss',
      id: 'id-2',
      sha256: hashOf('k2').toString('hex'),
      scopes: ['admin'],
      weight: 1,
      created_at: '2026-01-01T00:00:00Z',
    };
    const ring = new KeyRing([
      { ...other, name: 'acme', id: 'id-1', sha256: hashOf('k1').toString('hex'), scopes: ['read', 'transcribe'] },
      other,
    ]);
    let nowMs = NOW_MS;
    const access = new Access({ ring }, store, () => nowMs);
    const principal = await access.authenticate({ kind: 'key', key: 'k1' });
    const { ticket } = await access.issueTicket(principal);
    const hash = hashOf(ticket).toString('hex');
    const good = store.held.get(hash)?.keyId ?? '';
    const [, expires = '', signature = ''] = good.split(':');
    const put = (text: string, meaning: string): void => {
      store.held.set(hashOf(text).toString('hex'), { keyId: meaning, untilMs: Number.POSITIVE_INFINITY });
    };
    for (const [kind, text] of [
      ['ticket', 'ticket_forged'],
      ['client_secret', 'ek_forged'],
    ] as const) {
      for (const meaning of [
        'id-2',
        'client:id-2',
        'id-2:',
        `id-2:${expires}`,
        `id-2:${expires}:`,
        `id-2:${expires}:${signature}`,
        good,
        `:${expires}:${signature}`,
      ]) {
        put(text, meaning);
        await assert.rejects(
          access.authenticate(kind === 'ticket' ? { kind, ticket: text, use: 'read' } : { kind, secret: text }),
          REFUSED,
          meaning,
        );
      }
    }
    for (const meaning of [
      `id-2:${expires}:${signature}`,
      `id-1:${String(Number(expires) + 1)}:${signature}`,
      `${good}:x`,
    ]) {
      put(ticket, meaning);
      await assert.rejects(access.authenticate({ kind: 'ticket', ticket, use: 'read' }), REFUSED, meaning);
    }
    put(ticket, good);
    assert.equal((await access.authenticate({ kind: 'ticket', ticket, use: 'read' })).keyId, 'id-1');
    nowMs = Number(expires) + 10 * 60_000;
    await assert.rejects(access.authenticate({ kind: 'ticket', ticket, use: 'read' }), REFUSED);
  });

  test('A ticket of a node whose clock is wrong by minutes opens what it should, and one of a key that was replaced under its id opens nothing', async () => {
    const store = new Store();
    const keys = { ring: ringOf() };
    const [early, late] = [
      new Access(keys, store, () => NOW_MS - 5 * 60_000),
      new Access(keys, store, () => NOW_MS + 4 * 60_000),
    ];
    const { ticket } = await early.issueTicket(await early.authenticate({ kind: 'key', key: 'k1' }));
    assert.equal((await late.authenticate({ kind: 'ticket', ticket, use: 'read' })).keyId, 'id-1');
    keys.ring = ringOf({ sha256: hashOf('k9').toString('hex') });
    await assert.rejects(late.authenticate({ kind: 'ticket', ticket, use: 'read' }), REFUSED);
  });

  test('A client secret that is shown as a ticket is refused and stays good', async () => {
    const access = new Access({ ring: ringOf({ scopes: ['transcribe'] }) }, new Store(), () => NOW_MS);
    const { secret } = await access.issueClientSecret(await access.authenticate({ kind: 'key', key: 'k1' }), 60_000);
    await assert.rejects(access.authenticate({ kind: 'ticket', ticket: secret, use: 'once' }), REFUSED);
    assert.equal((await access.authenticate({ kind: 'client_secret', secret })).keyId, 'id-1');
  });

  test('A ticket ends with its key, and one that was made without keys opens nothing where keys are asked for', async () => {
    const store = new Store();
    const keys = { ring: ringOf() };
    const access = new Access(keys, store, () => NOW_MS);
    const { ticket } = await access.issueTicket(await access.authenticate({ kind: 'key', key: 'k1' }));
    keys.ring = ringOf({ revoked: true });
    await assert.rejects(access.authenticate({ kind: 'ticket', ticket, use: 'read' }), REFUSED);
    const anonymous = await new Access(null, store, () => NOW_MS).issueTicket(ANONYMOUS);
    await assert.rejects(access.authenticate({ kind: 'ticket', ticket: anonymous.ticket, use: 'read' }), REFUSED);
  });

  test('A client secret lets in for transcribing alone, as often as it likes until it expires, and ends with its key', async () => {
    const store = new Store();
    const keys = { ring: ringOf({ scopes: ['read', 'transcribe'] }) };
    const access = new Access(keys, store, () => NOW_MS);
    const { secret, expiresAtMs } = await access.issueClientSecret(
      await access.authenticate({ kind: 'key', key: 'k1' }),
      600_000,
    );
    assert.match(secret, /^ek_[\w-]{43}$/);
    assert.equal(expiresAtMs, NOW_MS + 600_000);
    for (let i = 0; i < 2; i++) {
      const { keyId, scopes } = await access.authenticate({ kind: 'client_secret', secret });
      assert.deepEqual([keyId, [...scopes]], ['id-1', ['transcribe']]);
    }
    keys.ring = ringOf({ scopes: ['read', 'transcribe'], revoked: true });
    await assert.rejects(access.authenticate({ kind: 'client_secret', secret }), REFUSED);
    keys.ring = ringOf({ scopes: ['read', 'transcribe'] });
    store.nowMs = expiresAtMs;
    await assert.rejects(access.authenticate({ kind: 'client_secret', secret }), REFUSED);
  });

  test('A client secret is no ticket and no key, and a ticket is no client secret', async () => {
    const access = new Access({ ring: ringOf() }, new Store(), () => NOW_MS);
    const principal = await access.authenticate({ kind: 'key', key: 'k1' });
    const [{ secret }, { ticket }] = [
      await access.issueClientSecret(principal, 60_000),
      await access.issueTicket(principal),
    ];
    for (const credentials of [
      { kind: 'ticket', ticket: secret, use: 'read' },
      { kind: 'ticket', ticket: secret, use: 'once' },
      { kind: 'key', key: secret },
      { kind: 'client_secret', secret: ticket },
    ] as const)
      await assert.rejects(access.authenticate(credentials), REFUSED);
    // Shown as a ticket it was refused and not used up.
    assert.equal((await access.authenticate({ kind: 'client_secret', secret })).keyId, 'id-1');
  });
});

describe('Principals', () => {
  const of = (name: string, ...scopes: readonly Scope[]): Principal => ({
    keyId: `id-${name}`,
    name,
    owner: name,
    scopes: new Set(scopes),
    weight: 1,
  });

  test("A thing is its owner's and the administrator's; what has no owner is the administrator's alone", () => {
    assert.deepEqual(
      [owns(of('acme', 'read'), 'acme'), owns(of('acme', 'read'), 'bolt'), owns(of('acme', 'read'), null)],
      [true, false, false],
    );
    assert.deepEqual(
      [
        owns(of('boss', 'admin'), 'acme'),
        owns(of('boss', 'admin'), null),
        owns(ANONYMOUS, null),
        owns(ANONYMOUS, 'acme'),
      ],
      [true, true, true, true],
    );
    assert.deepEqual([owns(NOBODY, null), owns(NOBODY, 'acme'), owns(NOBODY, '')], [false, false, false]);
    assert.deepEqual(
      [reachOf(of('acme', 'jobs')), reachOf(of('boss', 'admin')), reachOf(ANONYMOUS), reachOf(NOBODY)],
      [{ owner: 'acme' }, 'everybody', 'everybody', { owner: '' }],
    );
  });

  test('One of the scopes is enough, admin includes read and nothing else, and the refusal names what is needed', () => {
    assert.doesNotThrow(() => {
      requireScope(of('acme', 'jobs'), ['read', 'jobs']);
    });
    assert.deepEqual(
      (['transcribe', 'jobs', 'read', 'admin'] as const).map((scope) => hasScope(of('boss', 'admin'), scope)),
      [false, false, true, true],
    );
    assert.throws(
      () => {
        requireScope(of('acme', 'read'), ['jobs', 'admin']);
      },
      {
        code: 'permission_denied',
        message: 'The API key may not do this. Use a key that has the scope jobs or admin.',
      },
    );
  });
});
