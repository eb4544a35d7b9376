import { existsSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';

/** Files under `folder` whose names end in `ending`, sorted, relative to `root` with forward slashes; none when there is no such folder. */
function filesUnder(root, folder, ending) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.split(sep).includes('node_modules'))
    .map((name) => [folder, ...name.split(sep)].join('/'))
    .sort();
}

/** A test's source as what the compiler made of it. */
function compiled(source) {
  return source.replace('/src/', '/dist/').replace(/\.ts$/, '.js');
}

/**
 * The test files to run, by their sources, so that what is left in dist of a deleted test is not run:
 * `units` are those of scripts, packages, services and cli, `system` those of test/ and loadtest/, which start whole clusters.
 * `paths` keeps those that lie at or under one of them. Each entry is `{ source, file }`, relative to `root`.
 */
export function findTestFiles(root, paths = []) {
  const wanted = paths.map((path) =>
    path
      .replace(/^\.\//, '')
      .replace(/\/+$/, '')
      .replace('/dist/', '/src/')
      .replace(/(\.test)\.js$/, '$1.ts'),
  );
  const isWanted = ({ source }) =>
    wanted.length === 0 || wanted.some((path) => source === path || source.startsWith(`${path}/`));
  const folders = ['packages', 'services'].flatMap((group) =>
    (existsSync(join(root, group)) ? readdirSync(join(root, group)).sort() : []).map((name) => `${group}/${name}`),
  );
  const typed = (folder) =>
    filesUnder(root, `${folder}/src`, '.test.ts').map((source) => ({ source, file: compiled(source) }));
  const scripts = filesUnder(root, 'scripts', '.test.mjs').map((source) => ({ source, file: source }));
  return {
    units: [...scripts, ...[...folders, 'cli'].flatMap(typed)].filter(isWanted),
    system: ['test', 'loadtest'].flatMap(typed).filter(isWanted),
  };
}

/** Both kinds in the order they start: whole systems wait more than they compute, so they stand evenly among the others, and all cores have work. */
export function inTurn({ units, system }) {
  const place = (list) => list.map((file, i) => ({ file, at: (i + 0.5) / list.length }));
  return [...place(units), ...place(system)].sort((a, b) => a.at - b.at).map(({ file }) => file);
}
