import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from '@commander-js/extra-typings';
import { addUpArguments, type UpArguments } from './up-arguments.js';

function parsed(args: readonly string[]): UpArguments | null {
  let asked: UpArguments | null = null;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addUpArguments(program, (given) => {
    asked = given;
  });
  program.parse(['up', ...args], { from: 'user' });
  return asked;
}

test('Without arguments there is one service of each kind, its own Redis and no end', () => {
  assert.deepEqual(parsed([]), {
    once: false,
    apis: 1,
    relays: 1,
    workers: 1,
    model: null,
    ownRedis: true,
    files: [],
  });
});

test('All options and any number of files may be mixed', () => {
  assert.deepEqual(
    parsed(['a.wav', '--once', '--workers', '2', 'b.mp3', '--model=tiny', '--no-redis', '--api', '3', '--relays=4']),
    {
      once: true,
      apis: 3,
      relays: 4,
      workers: 2,
      model: 'tiny',
      ownRedis: false,
      files: ['a.wav', 'b.mp3'],
    },
  );
});

test('What means nothing is refused by name', () => {
  assert.throws(() => parsed(['--workrs', '2']), { name: 'CommanderError', message: /--workrs/ });
  for (const value of ['0', '65', '1.5', 'two', ''])
    assert.throws(() => parsed(['--workers', value]), {
      name: 'CommanderError',
      message: /--workers.* takes a whole number from 1 to 64/,
    });
  for (const option of ['--api', '--relays'])
    assert.throws(() => parsed([option, '17']), {
      name: 'CommanderError',
      message: new RegExp(`${option}.* takes a whole number from 1 to 16`),
    });
  assert.throws(() => parsed(['--model', '']), { name: 'CommanderError', message: /--model/ });
  assert.throws(() => parsed(['--model']), { name: 'CommanderError', message: /--model/ });
});
