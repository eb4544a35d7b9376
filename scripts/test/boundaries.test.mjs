import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../setup/paths.mjs';

const FOLDERS = [
  'packages/contracts',
  'packages/runtime',
  'packages/audio',
  'packages/store',
  'packages/transcribe',
  'services/api',
  'services/worker',
  'test',
];

/** Names of the rules that these source files (path -> text) break in a tree with packages as the project has them. */
function brokenRules(sources) {
  const root = mkdtempSync(join(tmpdir(), 'murmuration-rules-'));
  const write = (path, text) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  try {
    mkdirSync(join(root, 'node_modules', '@murmuration'), { recursive: true });
    write(
      'package.json',
      JSON.stringify({
        name: 'top',
        dependencies: { bullmq: '1.0.0', undici: '1.0.0', '@aws-sdk/client-s3': '1.0.0' },
      }),
    );
    write('tsconfig.base.json', '{"compilerOptions":{"module":"nodenext"}}');
    write('node_modules/bullmq/package.json', JSON.stringify({ name: 'bullmq', version: '1.0.0', main: 'index.js' }));
    write('node_modules/bullmq/index.js', 'module.exports = {};');
    for (const name of ['undici', '@aws-sdk/client-s3']) {
      write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
      write(`node_modules/${name}/index.js`, 'module.exports = {};');
    }
    for (const folder of FOLDERS) {
      const name = String(folder.split('/').at(-1));
      write(
        `${folder}/package.json`,
        JSON.stringify({
          name: `@murmuration/${name}`,
          version: '0.1.0',
          type: 'module',
          exports: { '.': './dist/index.js' },
          dependencies: {
            bullmq: '1.0.0',
            ...Object.fromEntries(FOLDERS.map((other) => [`@murmuration/${other.split('/').at(-1)}`, '0.1.0'])),
          },
        }),
      );
      write(`${folder}/dist/index.js`, 'export const x = 1;');
      write(`${folder}/src/index.ts`, 'export const x = 1;');
      symlinkSync(join(root, folder), join(root, 'node_modules', '@murmuration', name));
    }
    for (const [path, text] of Object.entries(sources)) write(path, text);
    const args = [
      '--config',
      join(ROOT, '.dependency-cruiser.cjs'),
      '--output-type',
      'json',
      ...FOLDERS.map((folder) => `${folder}/src`),
    ];
    const { stdout } = spawnSync(
      process.execPath,
      [join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), ...args],
      { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    return [...new Set(JSON.parse(stdout).summary.violations.map(({ rule }) => rule.name))].sort();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('Imports along the direction are allowed, by package name and within a package', () => {
  assert.deepEqual(
    brokenRules({
      'services/api/src/a.ts':
        'import { x } from "@murmuration/transcribe"; import { y } from "./b.js"; export const z = [x, y];',
      'services/api/src/b.ts': 'export const y = 1;',
      'packages/store/src/c.ts': 'import "bullmq";',
      'test/src/d.test.ts': 'import "@murmuration/api"; import "node:child_process";',
    }),
    [],
  );
});

test('Imports against the direction are refused, by package name and by path', () => {
  assert.deepEqual(brokenRules({ 'packages/contracts/src/a.ts': 'import "@murmuration/store";' }), ['direction-1']);
  assert.deepEqual(brokenRules({ 'packages/audio/src/a.ts': 'import "@murmuration/store";' }), ['direction-4']);
  assert.deepEqual(brokenRules({ 'packages/runtime/src/a.ts': 'import "../../transcribe/src/index.js";' }), [
    'direction-2',
  ]);
  assert.deepEqual(brokenRules({ 'services/api/src/a.ts': 'import "@murmuration/worker";' }), ['direction-7']);
});

test('The owners of dangerous dependencies are the only ones that touch them', () => {
  assert.deepEqual(brokenRules({ 'services/api/src/a.ts': 'import "bullmq"; import "node:child_process";' }), [
    'child-process-owner',
    'store-owner',
  ]);
  assert.deepEqual(
    brokenRules({
      'packages/transcribe/src/a.ts': 'import "undici"; import "@aws-sdk/client-s3";',
      'packages/store/src/b.ts': 'import "@aws-sdk/client-s3";',
    }),
    ['outbound-owner', 'storage-owner'],
  );
});

test('Cycles, imports that cannot be found and imports of tests are refused', () => {
  assert.deepEqual(
    brokenRules({ 'packages/audio/src/a.ts': 'import "./b.js";', 'packages/audio/src/b.ts': 'import "./a.js";' }),
    ['no-cycles'],
  );
  assert.deepEqual(brokenRules({ 'packages/audio/src/a.ts': 'import "./absent.js";' }), ['resolvable']);
  assert.deepEqual(brokenRules({ 'services/api/src/a.ts': 'import "@murmuration/test";' }), ['no-import-of-test']);
});
