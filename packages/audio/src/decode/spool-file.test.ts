import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts/errors';
import { spool } from './spool-file.js';
import { inPieces } from './testing/encoded-twins.js';

const folder = (): string => mkdtempSync(join(tmpdir(), 'murmuration-spool-'));

test('A spooled file has no name and holds every byte', async () => {
  const at = folder();
  try {
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251);
    const file = await spool(inPieces(bytes, 333), at, 5_000);
    assert.deepEqual(readdirSync(at), []);
    assert.equal(file.bytes, 5_000);
    assert.deepEqual(await file.handle.readFile(), Buffer.from(bytes));
    await file.handle.close();
  } finally {
    rmSync(at, { recursive: true });
  }
});

/** A folder on a disk of 64 KiB, or null where this machine does not let us make one. */
function tinyDisk(): string | null {
  const at = folder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at], { stdio: 'ignore' });
    return at;
  } catch {
    rmSync(at, { recursive: true });
    return null;
  }
}

test('A full disk is told as storage_full and nothing is left on it', async (context) => {
  const at = tinyDisk();
  if (at === null) {
    context.skip('this machine does not allow mounting a small disk');
    return;
  }
  try {
    await assert.rejects(
      spool(inPieces(new Uint8Array(1_000_000), 10_000), at, 10_000_000),
      (error) => error instanceof AsrError && error.code === 'storage_full',
    );
    assert.deepEqual(readdirSync(at), []);
    const again = await spool(inPieces(new Uint8Array(1_000), 100), at, 10_000_000);
    await again.handle.close();
  } finally {
    execFileSync('umount', [at]);
    rmSync(at, { recursive: true });
  }
});
