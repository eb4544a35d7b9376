import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFile } from './log-file.js';

test('A log goes on where it ended, and never keeps more than twice its size', () => {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-log-'));
  try {
    const path = join(folder, 'logs', 'api.log');
    const first = new LogFile(path, 100);
    first.write('first');
    first.close();
    const second = new LogFile(path, 100);
    second.write('second');
    assert.equal(readFileSync(path, 'utf8'), 'first\nsecond\n');
    for (let i = 0; i < 50; i += 1) second.write(`line ${String(i)} `.padEnd(20, '.'));
    second.close();
    assert.ok(statSync(path).size <= 121);
    assert.ok(statSync(`${path}.1`).size <= 121);
    assert.match(readFileSync(path, 'utf8') + readFileSync(`${path}.1`, 'utf8'), /line 49/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
