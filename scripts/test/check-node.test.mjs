import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, describeRuns, parseCheckArguments } from './check-node.mjs';

test('Numbers are versions, the rest are paths', () => {
  assert.deepEqual(parseCheckArguments(['22', '20.19', 'packages/audio', '24.1.0']), {
    versions: ['22', '20.19', '24.1.0'],
    paths: ['packages/audio'],
  });
});

test('The closing lines of node:test are counted, in colours too, whatever a test prints before them', () => {
  const lines = ['ℹ pass 9', '✔ a test', 'ℹ tests 12', 'ℹ pass 7', 'ℹ fail 2', 'ℹ cancelled 1', 'ℹ skipped 2', '']
    .map((line) => `\u001B[34m${line}\u001B[39m`)
    .join('\n');
  assert.deepEqual(countsOf(lines), { passed: 7, failed: 3, skipped: 2 });
});

test('The table has a row for each version', () => {
  assert.deepEqual(
    describeRuns([{ version: 'v24.1.0', counts: { passed: 7, failed: 0, skipped: 2 }, tookMs: 61_000 }]),
    ['NODE      PASSED    FAILED    SKIPPED   TOOK', 'v24.1.0   7         0         2         61.0 s'],
  );
});
