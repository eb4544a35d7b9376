import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createKey, listKeys, revokeKey } from './key-admin.js';
import { parseKeyFile } from './key-entry.js';
import { KeyRing } from './key-ring.js';

const NOW_MS = Date.parse('2026-06-01T00:00:00Z');

async function place(t: TestContext): Promise<{ folder: string; path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'key-admin-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { folder, path: join(folder, 'keys.json') };
}

describe('createKey', () => {
  test('A key of 256 bits is made and works; the file is made with it, for its owner alone, and holds the hash only', async (t) => {
    const { folder, path } = await place(t);
    const { key, entry } = await createKey(path, { name: 'acme' }, NOW_MS);
    assert.match(key, /^murm_[\w-]{43}$/);
    assert.equal(Buffer.from(key.slice(5), 'base64url').length, 32);
    const text = await readFile(path, 'utf8');
    assert.ok(!text.includes(key) && !text.includes(key.slice(5)));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['keys.json']);
    assert.deepEqual(parseKeyFile(text), [entry]);
    assert.equal(new KeyRing(parseKeyFile(text)).find(key, NOW_MS)?.keyId, entry.id);
    assert.deepEqual([entry.scopes, entry.weight, entry.expires_at], [['transcribe', 'jobs', 'read'], 1, undefined]);
  });

  test('Scopes, weight and expiry are taken as they are said', async (t) => {
    const { path } = await place(t);
    const of = async (expires: string): Promise<string | undefined> =>
      (await createKey(path, { name: 'acme', scopes: ['read', 'read', 'admin'], weight: 2, expires }, NOW_MS)).entry
        .expires_at;
    assert.equal(await of('90d'), '2026-08-30T00:00:00.000Z');
    assert.equal(await of('12h'), '2026-06-01T12:00:00.000Z');
    assert.equal(await of('30m'), '2026-06-01T00:30:00.000Z');
    assert.equal(await of('2w'), '2026-06-15T00:00:00.000Z');
    assert.equal(await of('2027-01-31T00:00:00Z'), '2027-01-31T00:00:00.000Z');
    assert.deepEqual(
      (await listKeys(path, NOW_MS)).map((key) => [key.scopes, key.weight]),
      Array.from({ length: 5 }, () => [['read', 'admin'], 2]),
    );
  });

  test('What cannot be is refused by name, and the file stays as it was', async (t) => {
    const { folder, path } = await place(t);
    await createKey(path, { name: 'acme' }, NOW_MS);
    const before = await readFile(path, 'utf8');
    await assert.rejects(createKey(path, { name: 'a b' }), /The name must be/);
    await assert.rejects(
      createKey(path, { name: 'a', scopes: ['write'] }),
      /--scopes must be one of transcribe, jobs, read, admin/,
    );
    await assert.rejects(createKey(path, { name: 'a', scopes: [] }), /--scopes must name at least one scope/);
    await assert.rejects(createKey(path, { name: 'a', weight: -1 }), /--weight must be above 0/);
    for (const expires of ['', 'soon', '90', '0d', '-1d', '2020-01-01T00:00:00Z', '999999w'])
      await assert.rejects(
        createKey(path, { name: 'a', expires }, NOW_MS),
        /--expires must be a time to come/,
        expires,
      );
    assert.equal(await readFile(path, 'utf8'), before);
    assert.deepEqual(await readdir(folder), ['keys.json']);
  });

  test('A file that is broken is not written over', async (t) => {
    const { folder, path } = await place(t);
    await writeFile(path, '[{]');
    await assert.rejects(createKey(path, { name: 'acme' }), /it is not JSON/);
    assert.equal(await readFile(path, 'utf8'), '[{]');
    assert.deepEqual(await readdir(folder), ['keys.json']);
  });

  test('Of changes at once none is lost: each is made or refused', async (t) => {
    const { path } = await place(t);
    const made = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => createKey(path, { name: `n${String(i)}` })),
    );
    const names = made.flatMap((result) => (result.status === 'fulfilled' ? [result.value.entry.name] : []));
    assert.ok(names.length > 0);
    assert.deepEqual((await listKeys(path)).map((key) => key.name).sort(), names.sort());
    for (const result of made)
      if (result.status === 'rejected')
        assert.match((result.reason as Error).message, /Another change of the file of keys is under way/);
  });

  test('A file that is a link stays one, and a folder that is not there is told', async (t) => {
    const { folder, path } = await place(t);
    await mkdir(join(folder, 'real'));
    await writeFile(join(folder, 'real', 'keys.json'), '[]');
    await symlink('real/keys.json', path);
    await createKey(path, { name: 'acme' });
    assert.equal(await readlink(path), 'real/keys.json');
    assert.equal((await listKeys(path)).length, 1);
    await assert.rejects(
      createKey(join(folder, 'absent', 'keys.json'), { name: 'acme' }),
      /cannot be written \(ENOENT\)/,
    );
  });
});

describe('listKeys and revokeKey', () => {
  test('A revoked key stays in the list, is told apart from an expired one, and revoking again changes nothing', async (t) => {
    const { path } = await place(t);
    const [one, two] = [
      await createKey(path, { name: 'acme' }, NOW_MS),
      await createKey(path, { name: 'acme', expires: '1h' }, NOW_MS),
    ];
    assert.equal((await revokeKey(path, one.entry.id)).revoked, true);
    const once = await readFile(path, 'utf8');
    await revokeKey(path, one.entry.id);
    assert.equal(await readFile(path, 'utf8'), once);
    assert.deepEqual(
      (await listKeys(path, NOW_MS)).map((key) => [key.id, key.state]),
      [
        [one.entry.id, 'revoked'],
        [two.entry.id, 'usable'],
      ],
    );
    assert.deepEqual(
      (await listKeys(path, NOW_MS + 3_600_000)).map((key) => key.state),
      ['revoked', 'expired'],
    );
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  test('An id that is not there and a file that is not there are told in a sentence', async (t) => {
    const { path } = await place(t);
    await assert.rejects(listKeys(path), /cannot be read \(ENOENT\)/);
    await assert.rejects(revokeKey(path, 'key-1'), /cannot be read \(ENOENT\)/);
    await createKey(path, { name: 'acme' });
    await assert.rejects(revokeKey(path, 'key-1'), /No key of the file has this id/);
  });
});
