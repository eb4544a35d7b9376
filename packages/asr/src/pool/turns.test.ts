import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.js';

test('Turns come in the order in which they were asked for, and a place may be given up before it comes', async () => {
  const turns = new Turns();
  const came: string[] = [];
  const [first, given, last] = [turns.ask(), turns.ask(), turns.ask()];
  for (const [name, turn] of Object.entries({ first, given, last })) void turn.begins.then(() => came.push(name));
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settle();
  assert.deepEqual(came, ['first']);
  given.end();
  await settle();
  assert.deepEqual(came, ['first'], 'a place that was given up lets nobody past the first');
  first.end();
  first.end();
  await settle();
  assert.deepEqual(came, ['first', 'given', 'last']);
  last.end();
  await turns.ask().begins;
});
