import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('./run-tests.mjs', import.meta.url));

/** Runs the runner over these files (name -> body), one group each; answers its status and what it printed. */
function runFiles(files) {
  const root = mkdtempSync(join(tmpdir(), 'murmuration-runner-'));
  try {
    for (const [name, body] of Object.entries(files)) writeFileSync(join(root, name), `import { test } from 'node:test';\n${body}\n`);
    const groups = Object.keys(files).map((name) => ({ files: [name], concurrency: 1 }));
    // Without the mark of a test's own process, else the inner run would report to the outer one.
    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT;
    const { status, stdout } = spawnSync(process.execPath, [RUNNER], { env, input: JSON.stringify({ root, groups: [...groups, { files: [], concurrency: 1 }] }), encoding: 'utf8' });
    return { status, stdout };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('The counts of all groups are told once, at the end', () => {
  const { status, stdout } = runFiles({ 'a.test.mjs': 'test("a", () => {}); test("b", { skip: true }, () => {});', 'b.test.mjs': 'test("c", () => {});' });
  assert.equal(status, 0);
  assert.match(stdout, /ℹ tests 3\nℹ suites 0\nℹ pass 2\nℹ fail 0\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0\nℹ duration_ms [\d.]+\s*$/);
  assert.equal(stdout.match(/ℹ tests/g).length, 1);
});

test('One failure in any group fails the whole, and the other groups run all the same', () => {
  const { status, stdout } = runFiles({ 'a.test.mjs': 'test("a", () => { throw new Error("broken"); });', 'b.test.mjs': 'test("b", () => {});' });
  assert.equal(status, 1);
  assert.match(stdout, /ℹ pass 1\nℹ fail 1/);
});

test('A file that crashes outside of its tests fails the whole', () => {
  const { status } = runFiles({ 'a.test.mjs': 'test("a", () => {}); process.exit(3);' });
  assert.equal(status, 1);
});
