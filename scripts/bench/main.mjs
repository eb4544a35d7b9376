import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runVisibly } from '../setup/command.mjs';
import { ensureFfmpeg } from '../setup/ffmpeg.mjs';
import { ROOT } from '../setup/paths.mjs';
import { prepare } from '../setup/prepare.mjs';
import { ensureRedisBinary } from '../setup/redis-binary.mjs';

/** Names of the measurements: the files of `test/src/bench` that are no tests. */
export function benchNames(root) {
  const folder = join(root, 'test', 'src', 'bench');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -3))
    .sort();
}

/** What a measurement says of itself: the comment at the head of its file, with its options. */
export function benchHelp(root, name) {
  const source = readFileSync(join(root, 'test', 'src', 'bench', `${name}.ts`), 'utf8');
  const comment = /^\/\*\n(.*?)\n \*\/$/ms.exec(source)?.[1] ?? '';
  return comment.replace(/^ \* ?/gm, '');
}

/**
 * `npm run bench`; answers the exit status of the measurement. What follows its name is handed to it; `--store` keeps its results in
 * `docs/results`, from where `npm run bench -- page` writes the tables and plots of `docs/performance.md`.
 * @param {string[]} args
 */
export async function bench([name, ...given]) {
  const args = given.filter((arg) => arg !== '--store');
  const results = given.includes('--store') ? { BENCH_RESULTS: join(ROOT, 'docs', 'results') } : {};
  const names = benchNames(ROOT);
  const list = names.length === 0 ? 'There are none yet.' : `There are: ${names.join(', ')}.`;
  if (name === undefined || name === '--help' || !names.includes(name)) {
    const text = `npm run bench -- NAME [--store] [options of its own]\n${list}`;
    if (name === '--help') {
      console.log(text);
      return 0;
    }
    console.error(name === undefined ? text : `There is no measurement '${name}'.\n${text}`);
    return 2;
  }
  if (args.includes('--help')) {
    console.log(benchHelp(ROOT, name));
    return 0;
  }
  await prepare();
  await ensureRedisBinary();
  await ensureFfmpeg();
  return (
    (await runVisibly(
      process.execPath,
      ['--enable-source-maps', join(ROOT, 'test', 'dist', 'bench', `${name}.js`), ...args],
      { cwd: ROOT, env: { ...process.env, ...results } },
    )) ?? 1
  );
}
