import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStartArguments } from './arguments.mjs';

test('Without arguments there is one worker, its own Redis and no end', () => {
  assert.deepEqual(parseStartArguments([]), { once: false, workers: 1, model: null, ownRedis: true, help: false, files: [] });
});

test('All options and any number of files may be mixed', () => {
  assert.deepEqual(parseStartArguments(['a.wav', '--once', '--workers', '2', 'b.mp3', '--model=tiny', '--no-redis']), {
    once: true, workers: 2, model: 'tiny', ownRedis: false, help: false, files: ['a.wav', 'b.mp3'],
  });
});

test('What means nothing is refused by name', () => {
  assert.throws(() => parseStartArguments(['--workrs', '2']), { name: 'UsageError', message: /--workrs/ });
  for (const value of ['0', '65', '1.5', 'two', '']) assert.throws(() => parseStartArguments(['--workers', value]), { name: 'UsageError', message: /--workers/ });
  assert.throws(() => parseStartArguments(['--model', '']), { name: 'UsageError', message: /--model/ });
  assert.throws(() => parseStartArguments(['--model']), { name: 'UsageError', message: /--model/ });
});
