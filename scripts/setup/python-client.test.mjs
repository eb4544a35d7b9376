import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensurePythonClient } from './python-client.mjs';

test('Without python3 a reason is left for the test that needs it, and nothing fails', async () => {
  const top = mkdtempSync(join(tmpdir(), 'murmuration-python-'));
  try {
    const folder = join(top, 'python');
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'bin', 'python'), '');
    await ensurePythonClient(folder, null);
    assert.match(readFileSync(join(folder, 'missing.txt'), 'utf8'), /python3/);
    assert.equal(existsSync(join(folder, 'bin')), false);
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
});
