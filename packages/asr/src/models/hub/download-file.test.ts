import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { COMMIT, TestHub, sha256 } from '../../testing/hub-server.js';
import { downloadFile } from './download-file.js';
import { HubClient } from './hub-client.js';

const REPOSITORY = 'somebody/something';
const NAME = 'onnx/encoder_model.onnx';

suite('Fetching a file', () => {
  let folder = '';
  let hub: TestHub;
  const content = Buffer.alloc(20_000_000, 'a file of twenty megabytes; ');
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'murmuration-file-'));
    hub = await TestHub.start();
    hub.add(
      REPOSITORY,
      new Map([
        [NAME, content],
        ['empty.json', Buffer.alloc(0)],
      ]),
    );
  });
  afterEach(async () => {
    await hub.close();
    await rm(folder, { recursive: true });
  });
  const fetchFile = (
    file: { name: string; bytes: number; sha256: string | null },
    onBytes: (bytes: number) => void = () => undefined,
  ): ReturnType<typeof downloadFile> =>
    downloadFile({
      client: new HubClient({ endpoint: hub.endpoint, token: null, offline: false, pauseMs: () => 0 }),
      repository: REPOSITORY,
      commit: COMMIT,
      folder,
      onBytes,
      file: { ...file, blobSha1: null },
    });

  test('Over three cut connections every byte is sent once', async () => {
    hub.wrong.stallAfterBytes = [3_000_000, 1, 9_000_000];
    const done = await fetchFile({ name: NAME, bytes: content.length, sha256: sha256(content) }, (bytes) => {
      hub.cutHeld(bytes);
    });
    assert.deepEqual(done, { name: NAME, bytes: content.length, sha256: sha256(content) });
    assert.ok((await readFile(join(folder, NAME))).equals(content));
    assert.deepEqual(
      hub.requests.filter(({ server }) => server === 'storage').map(({ range }) => range),
      [null, 'bytes=3000000-', 'bytes=3000001-', 'bytes=12000001-'],
    );
    assert.equal(hub.storageBytes, content.length);
  });

  test('Where the listing has no checksum, that of the headers is taken', async () => {
    assert.equal((await fetchFile({ name: NAME, bytes: content.length, sha256: null })).sha256, sha256(content));
  });

  test('An empty file is a file', async () => {
    assert.equal((await fetchFile({ name: 'empty.json', bytes: 0, sha256: null })).bytes, 0);
    assert.equal((await readFile(join(folder, 'empty.json'))).length, 0);
  });
});
