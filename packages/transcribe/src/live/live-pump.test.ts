import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveInbox } from './live-pump.js';

test('Audio cut anywhere is handed out in whole frames, never more than asked for, and nothing of it is lost', () => {
  const inbox = new LiveInbox(4, 13);
  for (const piece of [[0], [1, 2, 3, 4, 5], [], [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]])
    inbox.addBytes(Uint8Array.from(piece));
  const pieces: number[][] = [];
  while (inbox.ready) {
    const task = inbox.take();
    if (task !== null && 'bytes' in task) pieces.push([...task.bytes]);
  }
  assert.deepEqual(
    pieces.map((piece) => piece.length),
    [12, 4],
  );
  assert.deepEqual(
    pieces.flat(),
    Array.from({ length: 16 }, (_, at) => at),
  );
  assert.equal(inbox.bytes, 2);
});

test('A command comes after the audio before it and before the audio after it; half a frame waits for the rest', async () => {
  const inbox = new LiveInbox(2, 100);
  const done: string[] = [];
  inbox.addBytes(Uint8Array.from([1, 2, 3]));
  inbox.addCommand(() => {
    done.push('command');
    return Promise.resolve();
  });
  inbox.addBytes(Uint8Array.from([4, 5]));
  while (inbox.ready) {
    const task = inbox.take();
    if (task === null) break;
    if ('bytes' in task) done.push([...task.bytes].join());
    else await task.command();
  }
  assert.deepEqual(done, ['1,2', 'command', '3,4']);
  assert.equal(inbox.bytes, 1);
});

test('What is put in may be used again by who put it in', () => {
  const inbox = new LiveInbox(1, 100);
  const bytes = Uint8Array.from([1, 2]);
  inbox.addBytes(bytes);
  bytes.fill(9);
  const task = inbox.take();
  assert.deepEqual(task !== null && 'bytes' in task && [...task.bytes], [1, 2]);
});
