import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepeatFilter, describeLogLine } from './log-line.js';

const line = (record: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ time: '2026-01-01T00:00:00Z', service: 'worker', ...record });

test('Progress is shown while a service starts, and no longer afterwards', () => {
  const info = line({ level: 'info', msg: 'fetching the model', file: 'encoder.onnx', percent: 40 });
  assert.equal(describeLogLine(info, { starting: true }), 'fetching the model (file encoder.onnx, percent 40)');
  assert.equal(describeLogLine(info, { starting: false }), null);
  assert.equal(
    describeLogLine(line({ level: 'info', msg: 'loading the model', fraction: 0.25, step: 'warming' }), {
      starting: true,
    }),
    'loading the model (step warming, percent 25)',
  );
});

test('Warnings and errors are always shown, with their reason', () => {
  assert.equal(
    describeLogLine(line({ level: 'warn', msg: 'trouble', reason: 'gone' }), { starting: false }),
    'warn: trouble (gone)',
  );
  assert.equal(
    describeLogLine(line({ level: 'error', msg: 'failed', err: { message: 'why' } }), { starting: false }),
    'error: failed (why)',
  );
});

test('Lines that are not JSON are shown as they are, empty ones not at all', () => {
  assert.equal(describeLogLine('Error: crashed', { starting: false }), 'Error: crashed');
  assert.equal(describeLogLine('42', { starting: false }), '42');
  assert.equal(describeLogLine('  ', { starting: true }), null);
});

test('The same text passes again only after a while', () => {
  let nowMs = 0;
  const filter = new RepeatFilter(10_000, () => nowMs);
  assert.deepEqual([filter.passes('a'), filter.passes('b'), filter.passes('a')], [true, true, false]);
  nowMs = 10_000;
  assert.equal(filter.passes('a'), true);
});
