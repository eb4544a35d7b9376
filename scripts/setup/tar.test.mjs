import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { tarMember, withTarball } from './tar-fixture.mjs';
import { readTarGz } from './tar.mjs';

async function readAll(path) {
  const files = {};
  await readTarGz(path, async (name, size, content) => {
    const pieces = [];
    for await (const piece of content) pieces.push(piece);
    files[name] = Buffer.concat(pieces);
    assert.equal(files[name].length, size);
  });
  return files;
}

test('Every file of an archive is read whole, whatever its length', async () => {
  const large = randomBytes(300_000);
  const members = [tarMember('package/empty', ''), tarMember('package/exact', 'x'.repeat(512)), tarMember('package/large', large), tarMember('package/last', 'end')];
  const files = await withTarball(members, readAll);
  assert.deepEqual(Object.keys(files), ['package/empty', 'package/exact', 'package/large', 'package/last']);
  assert.ok(files['package/large'].equals(large));
  assert.equal(files['package/last'].toString(), 'end');
});

test('A file that is not read is passed over and the next one is found', async () => {
  const seen = [];
  await withTarball([tarMember('a', randomBytes(100_000)), tarMember('b', 'b')], (path) => readTarGz(path, async (name, size, content) => {
    if (name === 'b') for await (const piece of content) seen.push(piece.toString());
  }));
  assert.deepEqual(seen, ['b']);
});

test('Long names are read in all three forms in which archives carry them', async () => {
  const long = `package/${'deep/'.repeat(30)}file`;
  const record = (length) => `${String(length)} path=${long}\n`;
  const length = record(100).length;
  const files = await withTarball([
    tarMember('file', 'prefix', { prefix: 'package/folder' }),
    tarMember('PaxHeader', record(length), { type: 'x' }), tarMember('cut', 'pax'),
    tarMember('././@LongLink', `${long}.gnu\0`, { type: 'L' }), tarMember('cut', 'gnu'),
    tarMember('plain', 'plain'),
  ], readAll);
  assert.deepEqual(Object.entries(files).map(([name, bytes]) => [name, bytes.toString()]), [
    ['package/folder/file', 'prefix'], [long, 'pax'], [`${long}.gnu`, 'gnu'], ['plain', 'plain'],
  ]);
});

test('Links and folders are passed over', async () => {
  const files = await withTarball([tarMember('folder/', '', { type: '5' }), tarMember('link', '', { type: '2' }), tarMember('file', 'x')], readAll);
  assert.deepEqual(Object.keys(files), ['file']);
});

test('An archive that ends in the middle of a file is refused', async () => {
  await assert.rejects(withTarball([tarMember('a', randomBytes(2_000)).subarray(0, 1_500)], readAll, { end: Buffer.alloc(0) }), /ends early/);
});

test('A header that was changed is refused', async () => {
  const member = tarMember('a', 'x');
  member[0] ^= 1;
  await assert.rejects(withTarball([member], readAll), /checksum/);
});
