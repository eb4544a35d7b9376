import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger } from '@murmuration/runtime';
import { TroubleLog } from './redis-health.js';

test('trouble that comes and goes many times a second is one line, and so is its end', () => {
  const lines: string[] = [];
  const line = (...parts: readonly unknown[]): void => {
    lines.push(String(parts.at(-1)));
  };
  let nowMs = 0;
  const trouble = new TroubleLog({ warn: line, info: line } as unknown as Logger, 'the queue', () => nowMs);
  for (let times = 0; times < 100; times++) {
    trouble.met(new Error('READONLY'));
    nowMs += 50;
    trouble.over();
    nowMs += 50;
  }
  assert.deepEqual(lines, ['the queue had trouble; going on']);
  nowMs += 5_000;
  trouble.over();
  trouble.over();
  assert.deepEqual(lines.slice(1), ['the queue works again']);
  trouble.met(new Error('again'));
  assert.equal(lines.length, 3);
});
