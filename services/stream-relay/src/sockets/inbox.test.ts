import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { Inbox } from './inbox.js';
import type { MessageSocket } from './message-socket.js';

class Socket extends EventEmitter {
  isPaused = false;

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

test('a client whose messages are handled at once leaves others their turn, and none of its messages is lost or out of order', async () => {
  const socket = new Socket();
  const taken: number[] = [];
  const inbox = new Inbox(
    socket as unknown as MessageSocket,
    (data) => {
      taken.push(data.readUInt16LE());
      return Promise.resolve();
    },
    () => assert.fail(),
  );
  const sent = Array.from({ length: 500 }, (_, at) => at);
  for (const each of sent) {
    const data = Buffer.alloc(2);
    data.writeUInt16LE(each);
    socket.emit('message', data, true);
  }
  let turns = 0;
  let isOver = false;
  const others = (): void => {
    turns++;
    if (!isOver) setImmediate(others);
  };
  setImmediate(others);
  await inbox.idle();
  isOver = true;
  assert.deepEqual(taken, sent);
  assert.ok(turns > 10, String(turns));
});

test('a client that goes while others have their turn is heard no more', async () => {
  const socket = new Socket();
  let taken = 0;
  const inbox = new Inbox(
    socket as unknown as MessageSocket,
    () => {
      taken++;
      return Promise.resolve();
    },
    () => assert.fail(),
  );
  for (let at = 0; at < 100; at++) socket.emit('message', Buffer.alloc(2), true);
  let atStop = 0;
  setImmediate(() => {
    inbox.stop();
    atStop = taken;
  });
  await inbox.idle();
  assert.ok(atStop > 0 && atStop < 100);
  assert.equal(taken, atStop);
});
