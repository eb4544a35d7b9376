import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureLiveClient } from './live-clients.mjs';

test('A client is installed once; what cannot be had leaves a reason and no half of it', async () => {
  const top = mkdtempSync(join(tmpdir(), 'murmuration-clients-'));
  try {
    let installs = 0;
    const client = {
      folder: 'one',
      part: 'one',
      packages: ['a@1'],
      alone: [],
      install: async (folder) => {
        installs += 1;
        writeFileSync(join(folder, 'node_modules'), '');
        return null;
      },
    };
    await ensureLiveClient(client, top);
    await ensureLiveClient(client, top);
    assert.equal(installs, 1);
    await ensureLiveClient({ ...client, packages: ['a@2'] }, top);
    assert.equal(installs, 2, 'another version is another client');
    await ensureLiveClient({ ...client, packages: ['a@3'], install: async () => 'the network is away.' }, top);
    assert.match(readFileSync(join(top, 'one', 'missing.txt'), 'utf8'), /the network is away/);
    assert.equal(existsSync(join(top, 'one', 'node_modules')), false);
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
});
