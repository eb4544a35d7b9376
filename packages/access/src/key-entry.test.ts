import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeyFileError, formatKeyFile, parseKeyFile } from './key-entry.js';

const HASH = 'ab'.repeat(32);
const ENTRY = {
  name: 'acme',
  id: 'key-1',
  sha256: HASH,
  scopes: ['transcribe', 'read'],
  created_at: '2026-01-01T00:00:00Z',
};

function refusal(...entries: readonly unknown[]): string {
  try {
    parseKeyFile(JSON.stringify(entries));
  } catch (error) {
    assert.ok(error instanceof KeyFileError);
    return error.message;
  }
  throw new Error('the file was taken');
}

describe('parseKeyFile', () => {
  test('A file with every field is read, and what is not said has its default', () => {
    const full = {
      ...ENTRY,
      id: 'key-2',
      sha256: 'cd'.repeat(32),
      weight: 2.5,
      expires_at: '2027-01-01T00:00:00+02:00',
      revoked: true,
      webhook_secret: `whsec_${'A'.repeat(32)}`,
    };
    assert.deepEqual(parseKeyFile(JSON.stringify([ENTRY, full])), [{ ...ENTRY, weight: 1 }, full]);
    assert.deepEqual(parseKeyFile(formatKeyFile(parseKeyFile(JSON.stringify([full])))), [full]);
    assert.deepEqual(parseKeyFile('[]'), []);
  });

  test('The entry at fault is named by its place, name and id, with the field', () => {
    assert.match(
      refusal(ENTRY, { ...ENTRY, id: 'key-2', sha256: 'secret-looking' }),
      /entry 2 \(acme, key-2\): sha256 must be a SHA-256 in 64 hexadecimal digits/,
    );
    assert.match(
      refusal({ ...ENTRY, scopes: ['read', 'write'] }),
      /entry 1 \(acme, key-1\): scopes\.1 must be one of transcribe, jobs, read, admin/,
    );
    assert.match(refusal({ ...ENTRY, scopes: [] }), /scopes must name at least one scope/);
    assert.match(refusal({ ...ENTRY, weight: 0 }), /weight must be above 0/);
    assert.match(refusal({ ...ENTRY, expires_at: 'tomorrow' }), /expires_at must be a time such as/);
    assert.match(refusal({ ...ENTRY, revoked: 'no' }), /revoked must be true or false/);
    assert.match(refusal({ ...ENTRY, webhook_secret: 'whsec_short' }), /webhook_secret must be whsec_/);
    assert.match(refusal({ ...ENTRY, name: 'a b' }), /entry 1 \(key-1\): name must be/);
    assert.match(refusal('x'), /entry 1: must be an object/);
  });

  test('A field that is not known is refused: a key written in clear text does not go unnoticed', () => {
    assert.match(refusal({ ...ENTRY, key: 'murm_secret' }), /entry 1 \(acme, key-1\): unknown field key\./);
  });

  test('Two entries may share a name, but neither an id nor a key, whatever the case of its digits', () => {
    assert.equal(parseKeyFile(JSON.stringify([ENTRY, { ...ENTRY, id: 'key-2', sha256: 'cd'.repeat(32) }])).length, 2);
    assert.match(
      refusal(ENTRY, { ...ENTRY, sha256: 'cd'.repeat(32) }),
      /entry 2 \(acme, key-1\): its id is there twice/,
    );
    assert.match(
      refusal(ENTRY, { ...ENTRY, id: 'key-2', sha256: HASH.toUpperCase() }),
      /entry 2 \(acme, key-2\): its key is there twice/,
    );
  });

  test('No message quotes what the file holds', () => {
    const secret = 'murm_do-not-quote-me';
    for (const text of [
      `[{"key": "${secret}"`,
      JSON.stringify({ key: secret }),
      JSON.stringify([secret]),
      JSON.stringify([{ ...ENTRY, sha256: secret }]),
      JSON.stringify([{ ...ENTRY, [secret]: 1 }]),
    ]) {
      assert.throws(
        () => parseKeyFile(text),
        (error: Error) => error instanceof KeyFileError && !error.message.includes(secret),
      );
    }
  });
});
