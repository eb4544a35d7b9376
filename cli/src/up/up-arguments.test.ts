import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUpArguments } from './up-arguments.js';

test('Without arguments there is one service of each kind, its own Redis and no end', () => {
  assert.deepEqual(parseUpArguments([]), {
    once: false,
    apis: 1,
    relays: 1,
    workers: 1,
    model: null,
    ownRedis: true,
    help: false,
    files: [],
  });
});

test('All options and any number of files may be mixed', () => {
  assert.deepEqual(
    parseUpArguments([
      'a.wav',
      '--once',
      '--workers',
      '2',
      'b.mp3',
      '--model=tiny',
      '--no-redis',
      '--api',
      '3',
      '--relays=4',
    ]),
    {
      once: true,
      apis: 3,
      relays: 4,
      workers: 2,
      model: 'tiny',
      ownRedis: false,
      help: false,
      files: ['a.wav', 'b.mp3'],
    },
  );
});

test('What means nothing is refused by name', () => {
  assert.throws(() => parseUpArguments(['--workrs', '2']), { name: 'UsageError', message: /--workrs/ });
  for (const value of ['0', '65', '1.5', 'two', ''])
    assert.throws(() => parseUpArguments(['--workers', value]), {
      name: 'UsageError',
      message: /--workers takes a whole number from 1 to 64/,
    });
  for (const option of ['--api', '--relays'])
    assert.throws(() => parseUpArguments([option, '17']), {
      name: 'UsageError',
      message: new RegExp(`${option} takes a whole number from 1 to 16`),
    });
  assert.throws(() => parseUpArguments(['--model', '']), { name: 'UsageError', message: /--model/ });
  assert.throws(() => parseUpArguments(['--model']), { name: 'UsageError', message: /--model/ });
});
