import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('./run-tests.mjs', import.meta.url));
const WATCH = new URL('./test-watch.mjs', import.meta.url).href;

/** Runs the runner over these files (name -> body), one group each unless all are to run at once; answers its status and what it printed. */
function runFiles(files, { atOnce = false, limitMs = 60_000 } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'murmuration-runner-'));
  try {
    for (const [name, body] of Object.entries(files))
      writeFileSync(join(root, name), `import { after, before, test } from 'node:test';\n${body}\n`);
    const names = Object.keys(files);
    const groups = atOnce
      ? [{ files: names, concurrency: names.length }]
      : names.map((name) => ({ files: [name], concurrency: 1 }));
    // Without the mark of a test's own process, else the inner run would report to the outer one.
    const env = { ...process.env, TEST_LIMIT_MS: String(limitMs), NODE_TEST_CONTEXT: undefined };
    const { status, stdout } = spawnSync(process.execPath, ['--enable-source-maps', '--import', WATCH, RUNNER], {
      timeout: 90_000,
      env,
      input: JSON.stringify({ root, groups: [...groups, { files: [], concurrency: 1 }] }),
      encoding: 'utf8',
    });
    return { status, stdout };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('The counts of all groups are told once, at the end', () => {
  const { status, stdout } = runFiles({
    'a.test.mjs': 'test("a", () => {}); test("b", { skip: true }, () => {});',
    'b.test.mjs': 'test("c", () => {});',
  });
  assert.equal(status, 0);
  assert.match(
    stdout,
    /ℹ tests 3\nℹ suites 0\nℹ pass 2\nℹ fail 0\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0\nℹ duration_ms [\d.]+\s*$/,
  );
  assert.equal(stdout.match(/ℹ tests/g)?.length, 1);
});

test('One failure in any group fails the whole, and the other groups run all the same', () => {
  const { status, stdout } = runFiles({
    'a.test.mjs': 'test("a", () => { throw new Error("broken"); });',
    'b.test.mjs': 'test("b", () => {});',
  });
  assert.equal(status, 1);
  assert.match(stdout, /ℹ pass 1\nℹ fail 1/);
});

test('A file that crashes outside of its tests fails the whole', () => {
  const { status } = runFiles({ 'a.test.mjs': 'test("a", () => {}); process.exit(3);' });
  assert.equal(status, 1);
});

test('A test or hook that hangs fails by itself with its name and line, and the others of its file run; what ends in no other way is ended, with what it started', () => {
  const hang = 'setInterval(() => {}, 1000); await new Promise(() => {});';
  const { status, stdout } = runFiles(
    {
      'hangs.test.mjs': `test('waits for ever', async () => { ${hang} });\ntest('states its own limit', { timeout: 9000 }, async () => { await new Promise((resolve) => setTimeout(resolve, 4000)); });`,
      'blocks.test.mjs': "test('blocks its process', () => { console.log('blocks'); for (;;); });",
      'leaks.test.mjs': `import { spawn } from 'node:child_process';\ntest('leaves a process', () => { console.log('left', spawn('sleep', ['600']).pid); });`,
      'after.test.mjs': `test('has a hook that hangs', (t) => { t.after(async () => { ${hang} }); });`,
      'before.test.mjs': `before(async () => { ${hang} });\ntest('comes after a hook that hangs', () => {});`,
      'top.test.mjs': hang,
    },
    { atOnce: true, limitMs: 3_000 },
  );
  assert.equal(status, 1);
  const failing = stdout.slice(stdout.indexOf('failing tests'));
  assert.match(failing, /hangs\.test\.mjs:2:1\n✖ waits for ever/);
  assert.match(stdout, /✔ states its own limit/);
  assert.match(failing, /✖ blocks its process\n.*it blocked its process/);
  assert.match(failing, /✖ leaves a process\n.*a handle is still open/);
  assert.match(failing, /✖ has a hook that hangs\n.*a hook of the test/);
  assert.match(failing, /✖ comes after a hook that hangs/);
  assert.match(failing, /✖ .*top\.test\.mjs\n.*outside of the tests hangs/);
  const left = Number(/left (\d+)/.exec(stdout)?.[1]);
  assert.throws(() => process.kill(left, 0), { code: 'ESRCH' });
});
