import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFile, RepeatFilter, describeLogLine } from './log-file.js';

test('A log goes on where it ended, and never keeps more than twice its size', () => {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-log-'));
  try {
    const path = join(folder, 'logs', 'api.log');
    const first = new LogFile(path, 100);
    first.write('first');
    first.close();
    const second = new LogFile(path, 100);
    second.write('second');
    assert.equal(readFileSync(path, 'utf8'), 'first\nsecond\n');
    for (let i = 0; i < 50; i += 1) second.write(`line ${String(i)} `.padEnd(20, '.'));
    second.close();
    assert.ok(statSync(path).size <= 121);
    assert.ok(statSync(`${path}.1`).size <= 121);
    assert.match(readFileSync(path, 'utf8') + readFileSync(`${path}.1`, 'utf8'), /line 49/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

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
