import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npmErrors, runNpm } from './npm.mjs';
import { heartbeat, say, seconds } from './say.mjs';
import { SetupError } from './setup-error.mjs';

const PART = 'dependencies';
const STAMP = join('node_modules', '.murmuration-stamp');

/** What the installed tree depends on: the lockfile's bytes, and the machine, because some packages carry binaries. */
export function stampOf(lockText, machine = `${process.platform}-${process.arch}`) {
  return `${createHash('sha256').update(lockText).digest('hex')} ${machine}\n`;
}

/**
 * True when what npm says it installed (its hidden lockfile) is what the lockfile wants: so a tree that was
 * made by `npm install` by hand is not thrown away. Optional packages of other machines may be missing.
 */
export function treeMatchesLock(lock, installed) {
  const wanted = Object.entries(lock.packages).filter(([path]) => path !== '');
  const wantedPaths = new Set(wanted.map(([path]) => path));
  if (Object.keys(installed.packages).some((path) => !wantedPaths.has(path))) return false;
  return wanted.every(([path, entry]) => {
    const have = installed.packages[path];
    if (have === undefined) return entry.optional === true;
    return have.version === entry.version && have.integrity === entry.integrity && have.link === entry.link;
  });
}

/** State of node_modules under `root`: `current`, `unstamped` (current, but not installed by this script) or `stale`. */
export function dependencyState(root) {
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
  try {
    if (readFileSync(join(root, STAMP), 'utf8') === stampOf(lockText)) return 'current';
  } catch {
    // No stamp: the hidden lockfile decides.
  }
  try {
    const installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8'));
    return treeMatchesLock(JSON.parse(lockText), installed) ? 'unstamped' : 'stale';
  } catch {
    return 'stale';
  }
}

function writeStamp(root) {
  writeFileSync(join(root, STAMP), stampOf(readFileSync(join(root, 'package-lock.json'), 'utf8')));
}

/** Installs the npm dependencies with `npm ci` unless they are there. Throws a `SetupError` with npm's own words. */
export async function ensureDependencies(root) {
  const state = dependencyState(root);
  if (state === 'unstamped') writeStamp(root);
  if (state !== 'stale') {
    say(PART, 'up to date');
    return;
  }
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const paths = Object.entries(lock.packages)
    .filter(([path, entry]) => path.startsWith('node_modules/') && entry.optional !== true)
    .map(([path]) => path);
  say(PART, `installing ${String(paths.length)} packages (npm ci)`);
  const started = performance.now();
  const stop = heartbeat(
    PART,
    (ms) => {
      const inPlace = paths.filter((path) => existsSync(join(root, path, 'package.json'))).length;
      return `${String(inPlace)} of ${String(paths.length)} in place, ${seconds(ms)}`;
    },
    3_000,
  );
  // Engines are checked by our own sentence; scripts of packages stay off (.npmrc says why).
  const result = await runNpm(
    ['ci', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: root },
  ).finally(stop);
  if (result.code !== 0) {
    throw new SetupError(
      [
        'The npm dependencies could not be installed. npm says:',
        ...npmErrors(result.lines).map((line) => `  ${line}`),
        "Check the network (or fill npm's cache for working offline), then run the command again.",
      ].join('\n'),
    );
  }
  writeStamp(root);
  say(PART, `${String(paths.length)} packages installed in ${seconds(performance.now() - started)}`);
}
