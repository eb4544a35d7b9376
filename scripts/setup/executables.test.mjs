import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { findExecutable } from './executables.mjs';

test('The first name wins over the order of folders; plain files and folders are no programs', () => {
  const top = mkdtempSync(join(tmpdir(), 'murmuration-path-'));
  try {
    const [a, b] = ['a', 'b'].map((name) => join(top, name));
    mkdirSync(join(a, 'valkey-server'), { recursive: true });
    mkdirSync(b);
    writeFileSync(join(a, 'redis-server'), '');
    chmodSync(join(a, 'redis-server'), 0o755);
    const path = [a, b].join(delimiter);
    assert.equal(findExecutable(['valkey-server', 'redis-server'], path, []), join(a, 'redis-server'));
    writeFileSync(join(b, 'valkey-server'), '');
    assert.equal(findExecutable(['valkey-server'], path, []), null);
    chmodSync(join(b, 'valkey-server'), 0o755);
    assert.equal(findExecutable(['valkey-server', 'redis-server'], path, []), join(b, 'valkey-server'));
    assert.equal(findExecutable(['valkey-server'], '', [b]), join(b, 'valkey-server'));
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
});
