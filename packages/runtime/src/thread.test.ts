import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { Thread } from './thread.js';
import type { EchoMethods } from './testing/echo-thread.js';

const MODULE = new URL('./testing/echo-thread.js', import.meta.url);

test('Calls are answered, buffers move, errors keep their kind', async () => {
  const thread = await Thread.start<EchoMethods>(MODULE, null);
  assert.deepEqual(await Promise.all([thread.call('echo', 1), thread.call('echo', { a: [2] })]), [1, { a: [2] }]);
  const moved = new ArrayBuffer(8);
  assert.equal(((await thread.call('echo', moved, [moved])) as ArrayBuffer).byteLength, 8);
  assert.equal(moved.byteLength, 0);
  assert.equal((await thread.call('buffer', 16)).byteLength, 16);
  await assert.rejects(
    thread.call('refuse', 'file'),
    (error: unknown) => error instanceof AsrError && error.code === 'invalid_field' && error.param === 'file',
  );
  await assert.rejects(thread.call('fault', null), /a fault/);
  await thread.terminate();
  await assert.rejects(thread.call('echo', 1), /ended/);
});

test('A thread that dies rejects its open calls and says so once', async () => {
  const thread = await Thread.start<EchoMethods>(MODULE, null);
  const told = new Promise<Error>((resolve) => {
    thread.onExit(resolve);
  });
  await assert.rejects(thread.call('die', 3), /ended with 3/);
  assert.match((await told).message, /ended with 3/);
});

test('A thread that cannot start tells why', async () => {
  await assert.rejects(Thread.start<EchoMethods>(MODULE, 'broken'), /it cannot start/);
});
