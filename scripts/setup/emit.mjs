import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { SetupError } from './setup-error.mjs';

// Beside what it speaks of: whoever removes `dist` removes it as well.
const RECORD = join('dist', '.emitted.json');
const COMPILER_STATE = join('dist', '.tsbuildinfo');
const OUTPUT = /\.(?:js|d\.ts)(?:\.map)?$/;

/**
 * The JavaScript that runs is compiled by either of two programs: esbuild, file by file and without types, which takes a second
 * for the whole tree, and `tsc -b`, which checks the types. Neither may run, or take for its own, what the other made of an older
 * source. So `dist/.emitted.json` says for each source which text its output was made of, by checksum, and when that output was
 * written: an output of which the record is not true is made anew. Where esbuild writes, the state of `tsc -b` is removed,
 * which would else pass over a file whose source is again what it was when `tsc` last saw it.
 *
 * Compiles with esbuild what is not up to date, in all packages that the top tsconfig.json names; answers how many files were
 * written. Throws a `SetupError` that names each source that cannot be read as TypeScript.
 */
export async function emit(root) {
  let written = 0;
  for (const [folder, sources] of readTree(root)) {
    // A source that comes back would find its output gone and the compiler's state unchanged.
    if (removeOrphans(folder)) rmSync(join(folder, COMPILER_STATE), { force: true });
    const record = readRecord(folder);
    const stale = [...sources].filter(([path, text]) => !isCurrent(folder, path, record[path], text));
    if (stale.length === 0) continue;
    rmSync(join(folder, COMPILER_STATE), { force: true });
    await compile(
      folder,
      stale.map(([path]) => path),
    );
    // What changed while it was being compiled is stale by its checksum the next time.
    writeRecord(
      folder,
      sources,
      record,
      stale.map(([path]) => path),
    );
    written += stale.length;
  }
  return written;
}

/**
 * To be called when `tsc -b` has compiled the tree: `emit` takes its outputs as they are from now on. `before` is what `readTree`
 * answered before `tsc` began; a source that is another one by now may have been compiled as either. Removes the outputs of deleted sources.
 */
export function recordCompiled(root, before) {
  for (const [folder, sources] of readTree(root)) {
    removeOrphans(folder);
    const unchanged = [...sources]
      .filter(([path, text]) => before.get(folder)?.get(path) === text)
      .map(([path]) => path);
    writeRecord(folder, sources, {}, unchanged);
  }
}

/** All sources: folder of a package -> path below its `src` -> text. */
export function readTree(root) {
  return new Map(projectFolders(root).map((folder) => [folder, readSources(folder)]));
}

function projectFolders(root) {
  const { references } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  return references
    .map(({ path }) => join(root, path))
    .filter(
      // What Vite bundles is compiled by it.
      (folder) => existsSync(join(folder, 'src')) && !existsSync(join(folder, 'vite.config.mjs')),
    );
}

/** The sources of a package: path below `src` -> text. */
function readSources(folder) {
  const paths = filesBelow(join(folder, 'src'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .sort();
  return new Map(paths.map((path) => [path, readFileSync(join(folder, 'src', path), 'utf8')]));
}

function filesBelow(folder) {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
}

function outputOf(folder, source) {
  return join(folder, 'dist', source.replace(/\.ts$/, '.js'));
}

function isCurrent(folder, path, recorded, text) {
  const facts = statSync(outputOf(folder, path), { throwIfNoEntry: false });
  return (
    facts !== undefined &&
    recorded?.source === checksum(text) &&
    recorded.writtenMs === facts.mtimeMs &&
    recorded.bytes === facts.size
  );
}

function checksum(text) {
  return createHash('sha256').update(text).digest('hex');
}

function readRecord(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, RECORD), 'utf8'));
  } catch {
    return {};
  }
}

/** The record of before for the sources that are still there, with new entries for `paths`. */
function writeRecord(folder, sources, before, paths) {
  const entries = [...sources.keys()].flatMap((path) => (before[path] === undefined ? [] : [[path, before[path]]]));
  const record = Object.fromEntries(entries);
  for (const path of paths) {
    const facts = statSync(outputOf(folder, path), { throwIfNoEntry: false });
    if (facts !== undefined)
      record[path] = { source: checksum(sources.get(path)), writtenMs: facts.mtimeMs, bytes: facts.size };
  }
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeWhole(join(folder, RECORD), JSON.stringify(record));
}

/** Whoever runs the tree meanwhile sees the file of before or the new one. */
function writeWhole(path, content) {
  const part = `${path}.${String(process.pid)}.part`;
  writeFileSync(part, content);
  renameSync(part, path);
}

async function compile(folder, paths) {
  const { build } = await import('esbuild');
  const result = await build({
    entryPoints: paths.map((path) => join(folder, 'src', path)),
    outbase: join(folder, 'src'),
    outdir: join(folder, 'dist'),
    absWorkingDir: folder,
    bundle: false,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'es2023',
    sourcemap: true,
    sourcesContent: false,
    charset: 'utf8',
    logLevel: 'silent',
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, target: 'es2023' } },
  }).catch((error) => {
    throw new SetupError(describe(folder, error));
  });
  for (const { path, contents } of result.outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, contents);
  }
}

function describe(folder, error) {
  const errors = Array.isArray(error.errors) ? error.errors : [];
  if (errors.length === 0) return `The sources could not be compiled: ${error.message}`;
  const lines = errors.map(({ text, location }) =>
    location === null
      ? text
      : `${join(folder, location.file)}:${String(location.line)}:${String(location.column + 1)}: ${text}`,
  );
  return [...lines, 'The sources do not compile: mend what is named above.'].join('\n');
}

function removeOrphans(folder) {
  let removed = false;
  for (const path of filesBelow(join(folder, 'dist'))) {
    if (!OUTPUT.test(path) || path.split(sep).includes('node_modules')) continue;
    if (existsSync(join(folder, 'src', path.replace(OUTPUT, '.ts')))) continue;
    rmSync(join(folder, 'dist', path), { force: true });
    removed = true;
  }
  return removed;
}
