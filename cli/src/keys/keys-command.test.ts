import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { run } from '../run.js';
import { TestTerminal } from '../testing/test-terminal.js';

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function place(t: TestContext): Promise<{ path: string; murmur: (...args: readonly string[]) => Promise<Ran> }> {
  const folder = await mkdtemp(join(tmpdir(), 'murmur-keys-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.json');
  return {
    path,
    murmur: async (...args) => {
      const terminal = new TestTerminal();
      const status = await run(['keys', ...args], { API_KEYS_FILE: path }, terminal);
      return { status, ...terminal.said };
    },
  };
}

describe('murmur keys', () => {
  test('A key is made, listed without what it is, and revoked.', async (t) => {
    const { path, murmur } = await place(t);
    const made = await murmur(
      'create',
      'acme',
      '--scopes',
      'read, jobs',
      '--weight',
      '2.5',
      '--monthly-audio',
      '90m',
      '--expires',
      '90d',
    );
    assert.equal(made.status, 0);
    assert.match(made.out, /^murm_[\w-]{43}\n$/);
    const [, id = ''] = /^(key-\w+) of acme may read, jobs and ends at 20\d\d-/.exec(made.err) ?? [];
    assert.notEqual(id, '');
    const key = made.out.trim();
    assert.ok(!(await readFile(path, 'utf8')).includes(key) && !made.err.includes(key));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const listed = await murmur('list');
    assert.match(listed.out, new RegExp(`^ID +NAME +MAY .*\n${id} +acme +read,jobs +2\\.5 +1\\.5 .* usable\n$`));
    assert.ok(!listed.out.includes(key));
    assert.deepEqual(await murmur('revoke', id), {
      status: 0,
      out: `${id} of acme is revoked: every node refuses it within five seconds.\n`,
      err: '',
    });
    assert.match((await murmur('list')).out, / revoked\n$/);
  });

  test('For programs each command answers one JSON document.', async (t) => {
    const { murmur } = await place(t);
    const parsed = async (...args: readonly string[]): Promise<Record<string, unknown>> =>
      JSON.parse((await murmur(...args, '--json')).out) as Record<string, unknown>;
    const made = await parsed('create', 'acme');
    assert.match(String(made['key']), /^murm_/);
    assert.deepEqual(
      [made['name'], made['scopes'], made['weight'], made['expires_at']],
      ['acme', ['transcribe', 'jobs', 'read'], 1, null],
    );
    assert.deepEqual(await parsed('list'), {
      keys: [
        {
          id: made['id'],
          name: 'acme',
          scopes: ['transcribe', 'jobs', 'read'],
          weight: 1,
          monthly_audio_seconds: null,
          state: 'usable',
          created_at: made['created_at'],
          expires_at: null,
        },
      ],
    });
    assert.deepEqual(await parsed('revoke', String(made['id'])), { id: made['id'], name: 'acme', revoked: true });
  });

  test('--file comes before API_KEYS_FILE.', async (t) => {
    const { path, murmur } = await place(t);
    assert.equal((await murmur('create', 'acme', '--file', `${path}.other`)).status, 0);
    assert.equal((await murmur('list')).status, 1);
    assert.match((await murmur('list', '--file', `${path}.other`)).out, /acme/);
  });

  test('A command line that means nothing ends with 2, and what cannot be done with 1, in a sentence.', async (t) => {
    const { path, murmur } = await place(t);
    for (const [args, message] of [
      [[], /Usage: murmur keys/],
      [['make'], /unknown command 'make'/],
      [['create'], /missing required argument 'NAME'/],
      [['revoke'], /missing required argument 'ID'/],
      [['list', 'acme'], /unexpected argument 'acme'/],
      [['create', 'a', 'b'], /unexpected argument 'b'/],
      [['list', '--weight', '2'], /unknown option '--weight'/],
      [['create', 'a', '--weight', '1e9'], /--weight .*takes a number/],
      [['create', 'a', '--loud'], /--loud/],
    ] as const) {
      const ran = await murmur(...args);
      assert.equal(ran.status, 2, args.join(' '));
      assert.match(ran.err, message);
    }
    for (const [args, message] of [
      [['create', 'a b'], /The name must be/],
      [['create', 'a', '--scopes', 'all'], /--scopes must be one of/],
      [['create', 'a', '--expires', 'soon'], /--expires must be a time to come/],
      [['create', 'a', '--weight', '0'], /--weight must be above 0/],
      [['list'], /cannot be read \(ENOENT\)/],
    ] as const) {
      const ran = await murmur(...args);
      assert.deepEqual([ran.status, ran.out], [1, ''], args.join(' '));
      assert.match(ran.err, message);
    }
    await writeFile(path, '[');
    assert.match((await murmur('list')).err, /it is not JSON/);
    const terminal = new TestTerminal();
    assert.equal(await run(['keys', 'list'], {}, terminal), 2);
    assert.match(terminal.said.err, /say which file/);
  });

  test('--help explains the group.', async (t) => {
    const { murmur } = await place(t);
    assert.match((await murmur('--help')).out, /keys create NAME/);
  });
});
