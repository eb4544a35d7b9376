import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { listenForStop } from './stop-signals.js';

test('One key press that arrives twice is one wish; a later one is the second', () => {
  const seen: string[] = [];
  let nowMs = 0;
  const target = new EventEmitter();
  const unlisten = listenForStop({
    onFirst: (signal) => {
      seen.push(`first ${signal}`);
    },
    onSecond: (signal) => {
      seen.push(`second ${signal}`);
    },
    now: () => nowMs,
    target,
  });
  target.emit('SIGINT', 'SIGINT');
  nowMs = 20;
  target.emit('SIGINT', 'SIGINT');
  assert.deepEqual(seen, ['first SIGINT']);
  nowMs = 2_000;
  target.emit('SIGTERM', 'SIGTERM');
  assert.deepEqual(seen, ['first SIGINT', 'second SIGTERM']);
  unlisten();
  assert.equal(target.listenerCount('SIGINT'), 0);
});
