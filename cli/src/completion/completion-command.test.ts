import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { run } from '../run.js';
import { TestTerminal } from '../testing/test-terminal.js';

async function script(shell: string): Promise<string> {
  const terminal = new TestTerminal();
  assert.equal(await run(['completion', shell], {}, terminal), 0);
  return terminal.said.out;
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

/** Lines of the first column that a shell prints. */
function lines(program: string, args: readonly string[], input: string): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout
    .split('\n')
    .map((line) => line.split('\t')[0] ?? '')
    .filter((line) => line !== '');
}

/** Command lines, the last word of each unfinished, and what is offered for it. */
const OFFERED: readonly (readonly [string, readonly string[]])[] = [
  ['murmur tr', ['transcribe']],
  ['murmur jobs ', ['list', 'show', 'watch', 'cancel', 'result', '--help', '-h']],
  ['murmur jobs list --st', ['--status']],
  ['murmur jobs list --status ru', ['running']],
  ['murmur transcribe a.mp3 -f ', ['txt', 'json', 'srt', 'vtt', 'tsv']],
  ['murmur completion z', ['zsh']],
  ['murmur nonsense --he', ['--help']],
];

describe('murmur completion', () => {
  test('completes commands, options and their values in bash', { skip: has('bash') ? false : 'no bash' }, async () => {
    const source = await script('bash');
    for (const [line, wanted] of OFFERED) {
      const typed = line.split(' ').map((word) => `'${word}'`);
      const ask = `COMP_WORDS=(${typed.join(' ')}); COMP_CWORD=${String(typed.length - 1)}; _murmur; printf '%s\\n' "\${COMPREPLY[@]}"`;
      assert.deepEqual(lines('bash', ['--norc'], `${source}\n${ask}\n`), wanted, line);
    }
  });

  test('completes them in fish', { skip: has('fish') ? false : 'no fish' }, async () => {
    const source = await script('fish');
    for (const [line, wanted] of OFFERED) {
      const offered = lines('fish', ['--no-config', '-c', `${source}\ncomplete -C '${line}'\n`], '');
      // fish offers options once a dash is typed.
      for (const word of wanted.filter((one) => line.includes(' -') || !one.startsWith('-')))
        assert.ok(offered.includes(word), `${line}: ${word} is not among ${offered.join(' ')}`);
    }
  });

  test('is a program of zsh', { skip: has('zsh') ? false : 'no zsh' }, async () => {
    const source = await script('zsh');
    for (const [line, wanted] of OFFERED) {
      const typed = line.split(' ').map((word) => `'${word}'`);
      const ask = `compdef() { :; }; compadd() { shift; print -l -- "$@"; }; _files() { :; }
${source}
words=(${typed.join(' ')}); CURRENT=\${#words}; _murmur`;
      const last = line.split(' ').at(-1) ?? '';
      const offered = lines('zsh', ['-f'], `${ask}\n`).filter((word) => word.startsWith(last));
      assert.deepEqual(offered, wanted, line);
    }
  });

  test('knows three shells', async () => {
    const terminal = new TestTerminal();
    assert.equal(await run(['completion', 'cmd'], {}, terminal), 2);
    assert.match(terminal.said.err, /bash, zsh, fish/);
  });
});
