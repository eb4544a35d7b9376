import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ARTIFACTS } from '../setup/artifacts.mjs';
import { ROOT } from '../setup/paths.mjs';
import { PYTHON_REQUIREMENT } from '../setup/python-client.mjs';

const page = readFileSync(join(ROOT, 'docs', 'dependencies.md'), 'utf8');
const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
const installed = Object.entries(lock.packages).filter(
  ([path, entry]) => path.includes('node_modules/') && entry.link !== true,
);
const folders = Object.keys(lock.packages).filter((path) => !path.includes('node_modules/'));

/** Rows of the page's tables by package: `name -> [cells]`. */
const rows = new Map(
  [...page.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, name, rest]) => [name, rest.split(' | ')]),
);

/** Packages that the workspaces ask for by themselves, as pairs of name and wanted version. */
function direct() {
  const wanted = [];
  for (const folder of folders) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(
      readFileSync(join(ROOT, folder, 'package.json'), 'utf8'),
    );
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (!name.startsWith('@murmuration/')) wanted.push([name, version]);
    }
  }
  return wanted;
}

test('Every package that a workspace asks for is on the page, in an exact version and with its licence', () => {
  for (const [name, version] of direct()) {
    assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is wanted as ${version}: write an exact version`);
    const row = rows.get(name);
    assert.ok(row !== undefined, `docs/dependencies.md lacks ${name}`);
    assert.equal(row[0], version, `version of ${name} in docs/dependencies.md`);
    assert.equal(row[1], lock.packages[`node_modules/${name}`].license, `licence of ${name} in docs/dependencies.md`);
  }
});

test('The page lists nothing that is gone', () => {
  const known = new Set([
    ...direct().map(([name]) => name),
    ...ARTIFACTS.map((artifact) => artifact.package),
    ...installed.map(([path]) => path.split('node_modules/').at(-1)),
  ]);
  for (const name of rows.keys()) assert.ok(known.has(name), `docs/dependencies.md lists ${name}`);
  for (const artifact of ARTIFACTS) assert.equal(rows.get(artifact.package)?.[0], artifact.version);
  assert.ok(page.includes(PYTHON_REQUIREMENT.replace('openai==', '`openai` ')));
});

test('Every licence in the lockfile is one that the page allows, and exceptions are named one by one', () => {
  const allowed = new Set(/one of these: ([^.]+(?:\.\d[^.]*)*)\. /s.exec(page.replaceAll('\n', ' '))?.[1]?.split(', '));
  assert.ok(allowed.has('MIT') && allowed.has('Apache-2.0') && !allowed.has('GPL-2.0'));
  for (const [path, { license }] of installed) {
    const name = String(path.split('node_modules/').at(-1));
    assert.ok(
      allowed.has(license) || rows.get(name)?.slice(0, 2).includes(license),
      `${name} is under ${String(license)}`,
    );
  }
});
