import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { emit, readTree, recordCompiled } from './emit.mjs';
import { ROOT } from './paths.mjs';

const OPTIONS = {
  target: 'es2023',
  lib: ['es2023'],
  types: ['node'],
  module: 'nodenext',
  strict: true,
  verbatimModuleSyntax: true,
  composite: true,
  declaration: true,
  sourceMap: true,
};

/** A tree with one package; `say(word)` writes its source, `says()` runs what is compiled of it. */
async function inTree(work) {
  const root = mkdtempSync(join(tmpdir(), 'murmuration-emit-'));
  const folder = join(root, 'packages', 'a');
  mkdirSync(join(folder, 'src', 'deep'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const write = (path, text) => {
    writeFileSync(join(root, path), text);
  };
  write('tsconfig.json', JSON.stringify({ files: [], references: [{ path: 'packages/a' }] }));
  write('packages/a/package.json', '{ "type": "module" }');
  write(
    'packages/a/tsconfig.json',
    JSON.stringify({
      compilerOptions: { ...OPTIONS, rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' },
      include: ['src'],
    }),
  );
  write('packages/a/src/deep/word.ts', 'export interface Word { readonly text: string }\n');
  try {
    await work({
      root,
      write,
      at: (path) => join(folder, path),
      say: (word) => {
        write(
          'packages/a/src/main.ts',
          `import type { Word } from './deep/word.js';\nconst word: Word = { text: '${word}' };\nconsole.log(word.text);\n`,
        );
      },
      says: () => spawnSync(process.execPath, [join(folder, 'dist', 'main.js')], { encoding: 'utf8' }).stdout.trim(),
      /** As a person runs it, by hand. */
      tsc: () => {
        const { status, stdout } = spawnSync(
          process.execPath,
          [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'],
          { cwd: root, encoding: 'utf8' },
        );
        assert.equal(status, 0, stdout);
      },
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('Every source is compiled once, in the same folders, with a source map that leads to it', async () => {
  await inTree(async ({ root, at, say, says }) => {
    say('one');
    assert.equal(await emit(root), 2);
    assert.equal(says(), 'one');
    assert.ok(existsSync(at('dist/deep/word.js')));
    assert.deepEqual(JSON.parse(readFileSync(at('dist/main.js.map'), 'utf8')).sources, ['../src/main.ts']);
    assert.equal(await emit(root), 0);
    assert.deepEqual(
      readdirSync(at('dist'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part')),
      [],
    );
  });
});

test('A changed source is compiled anew, whatever time it bears', async () => {
  await inTree(async ({ root, at, say, says }) => {
    say('one');
    await emit(root);
    say('two');
    utimesSync(at('src/main.ts'), new Date(2020, 0, 1), new Date(2020, 0, 1));
    assert.equal(await emit(root), 1);
    assert.equal(says(), 'two');
  });
});

test('What is left of a deleted source is removed, by emit and after tsc', async () => {
  await inTree(async ({ root, at, say, tsc }) => {
    say('one');
    tsc();
    rmSync(at('src/main.ts'));
    await emit(root);
    assert.deepEqual(
      readdirSync(at('dist')).filter((name) => name.startsWith('main')),
      [],
    );
    say('one');
    tsc();
    assert.ok(existsSync(at('dist/main.js')), 'a source that comes back is compiled anew');
    rmSync(at('src/main.ts'));
    recordCompiled(root, readTree(root));
    assert.deepEqual(
      readdirSync(at('dist')).filter((name) => name.startsWith('main')),
      [],
    );
  });
});

test('tsc compiles anew what esbuild has written since, though the source is again what it was', async () => {
  await inTree(async ({ root, say, says, tsc }) => {
    say('one');
    tsc();
    recordCompiled(root, readTree(root));
    assert.equal(await emit(root), 0);
    say('two');
    await emit(root);
    assert.equal(says(), 'two');
    say('one');
    tsc();
    assert.equal(says(), 'one');
  });
});

test('esbuild compiles anew what tsc has written by hand since, though the source is again what it was', async () => {
  await inTree(async ({ root, say, says, tsc }) => {
    say('one');
    await emit(root);
    say('two');
    tsc();
    assert.equal(says(), 'two');
    say('one');
    await emit(root);
    assert.equal(says(), 'one');
  });
});

test('A source that is no TypeScript is named with its line, and the next try compiles it', async () => {
  await inTree(async ({ root, write, say, says }) => {
    write('packages/a/src/main.ts', 'const fine = 1;\nconst = 2;\n');
    await assert.rejects(emit(root), { name: 'SetupError', message: /src\/main\.ts:2:7: .*do not compile/s });
    say('one');
    await emit(root);
    assert.equal(says(), 'one');
  });
});

test('An output that was changed or removed by somebody else is made anew', async () => {
  await inTree(async ({ root, at, say, says }) => {
    say('one');
    await emit(root);
    writeFileSync(at('dist/main.js'), 'console.log("other");');
    assert.equal(await emit(root), 1);
    rmSync(at('dist/main.js'));
    assert.equal(await emit(root), 1);
    assert.equal(says(), 'one');
  });
});
