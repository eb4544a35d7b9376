import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { MEMORY_BYTES, SpoolDirectory } from './spool.js';

async function directory(
  t: TestContext,
  maxBytes = 1e9,
): Promise<{ spools: SpoolDirectory; files: () => Promise<string[]> }> {
  const path = await mkdtemp(join(tmpdir(), 'spool-test-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return { spools: await SpoolDirectory.open(path, maxBytes), files: () => readdir(path) };
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Bytes that tell where they stand. */
function bytes(length: number, from = 0): Buffer {
  const buffer = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) buffer[index] = ((from + index) * 2_654_435_761) >>> 24;
  return buffer;
}

describe('Spool', () => {
  test('A short upload stays in memory.', async (t) => {
    const { spools } = await directory(t);
    const spool = spools.create();
    await spool.write(bytes(MEMORY_BYTES));
    spool.end();
    assert.equal(spools.usedBytes, 0);
    assert.deepEqual(await all(spool.read()), bytes(MEMORY_BYTES));
    await spool.close();
  });

  test('Readers that begin before, while and after it grows get all bytes in order, also across the border of memory and file.', async (t) => {
    const { spools, files } = await directory(t);
    const spool = spools.create();
    const before = all(spool.read());
    const step = 300_000;
    let during: Promise<Buffer> | null = null;
    for (let written = 0; written < 10 * step; written += step) {
      await spool.write(bytes(step, written));
      if (written === 4 * step) during = all(spool.read());
    }
    spool.end();
    const expected = bytes(10 * step);
    assert.deepEqual(await before, expected);
    assert.deepEqual(await during, expected);
    assert.deepEqual(await all(spool.read()), expected);
    assert.deepEqual(await files(), []);
    assert.equal(spools.usedBytes, 10 * step - MEMORY_BYTES);
    await spool.close();
    assert.equal(spools.usedBytes, 0);
  });

  test('A reader of a failed upload gets what was there, then the fault.', async (t) => {
    const { spools } = await directory(t);
    const spool = spools.create();
    await spool.write(bytes(10));
    const reader = spool.read();
    assert.equal((await reader.next()).value?.length, 10);
    spool.fail(new AsrError('upload_timeout'));
    await assert.rejects(reader.next(), { code: 'upload_timeout' });
    await spool.close();
  });

  test('A reader that waits, and one that begins later, end with cancelled when the spool is closed.', async (t) => {
    const { spools } = await directory(t);
    const spool = spools.create();
    const waiting = all(spool.read());
    await spool.close();
    await assert.rejects(waiting, { code: 'cancelled' });
    await assert.rejects(all(spool.read()), { code: 'cancelled' });
    await assert.rejects(spool.write(bytes(1)), { code: 'cancelled' });
  });

  test('Closing while bytes are written frees the file once they are.', async (t) => {
    const { spools, files } = await directory(t);
    const spool = spools.create();
    const writing = spool.write(bytes(3 * MEMORY_BYTES));
    await spool.close();
    await writing.catch(() => undefined);
    assert.equal(spools.usedBytes, 0);
    assert.deepEqual(await files(), []);
  });

  test('All spools together keep to the bound of their directory.', async (t) => {
    const { spools } = await directory(t, 1_000);
    const [first, second] = [spools.create(), spools.create()];
    await first.write(bytes(MEMORY_BYTES + 900));
    await assert.rejects(second.write(bytes(MEMORY_BYTES + 200)), { code: 'storage_full' });
    await first.close();
    await second.close();
    const third = spools.create();
    await third.write(bytes(MEMORY_BYTES + 1_000));
    await third.close();
    assert.equal(spools.usedBytes, 0);
  });
});
