import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveEvent } from '@murmuration/client/node';
import { TestTerminal } from '../testing/test-terminal.js';
import { LiveDisplay } from './live-display.js';

const partial = (text: string): LiveEvent => ({
  type: 'partial',
  event_id: '1-0',
  utterance: 0,
  start_ms: 0,
  end_ms: 0,
  text,
  stable_chars: 0,
});
const final = (text: string): LiveEvent => ({
  type: 'final',
  event_id: '1-0',
  utterance: 0,
  start_ms: 1_200,
  end_ms: 61_000,
  text,
  confidence: 1,
  words: [],
  filtered: [],
  language: null,
});

test('On a terminal partials are drawn over in place, cut to the line, and make way for the final', () => {
  const terminal = new TestTerminal({ isWatched: true });
  const display = new LiveDisplay(terminal, false);
  for (const event of [
    partial('one'),
    partial('one two'),
    final('One, two.'),
    partial(`${'x'.repeat(100)}end`),
    partial('語'.repeat(100)),
  ])
    display.show(event);
  display.clear();
  display.clear();
  assert.equal(terminal.said.out, 'One, two.\n');
  assert.deepEqual(terminal.said.err.split('\r\u001B[K'), [
    '',
    'one',
    'one two',
    '',
    `…${'x'.repeat(74)}end`,
    `…${'語'.repeat(38)}`,
    '',
  ]);
});

test('Elsewhere there are finals only, with their times where they are wanted; troubles are told', () => {
  const terminal = new TestTerminal();
  const display = new LiveDisplay(terminal, true);
  for (const event of [
    partial('one'),
    final('One.'),
    final(''),
    { type: 'reconnecting', reason: 'r' },
    { type: 'warning', code: 'idle', message: 'Say something.' },
  ] as const)
    display.show(event);
  assert.deepEqual(terminal.said, { out: '[0:01.2 - 1:01.0] One.\n', err: 'Say something. (idle)\n' });
});

test('A control character in a text does not reach the terminal while it is drawn', () => {
  const terminal = new TestTerminal({ isWatched: true });
  new LiveDisplay(terminal, false).show(partial('a\u001B[2Jb\nc'));
  assert.equal(terminal.said.err, '\r\u001B[Ka [2Jb c');
});
