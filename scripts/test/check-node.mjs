import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { ensureNode } from '../setup/node-program.mjs';
import { LOCAL_FOLDER, ROOT } from '../setup/paths.mjs';
import { heading, seconds } from '../setup/say.mjs';
import { prepareTests, runTests } from './main.mjs';
import { findTestFiles } from './test-files.mjs';

const USAGE = `npm run check:node -- VERSION … [PATH …]

Runs the tests on other versions of Node.js (22, 20.19, 24.1.0), all or those that lie at the paths, and prints a table.
The programs come from npm's packages node-PLATFORM-ARCH and lie under .murmuration/node.`;

/** `{ versions, paths }` of a command line. */
export function parseCheckArguments(args) {
  const isVersion = (arg) => /^\d+(?:\.\d+){0,2}$/.test(arg);
  return { versions: args.filter(isVersion), paths: args.filter((arg) => !isVersion(arg)) };
}

/** What the closing lines of a run of tests count. */
export function countsOf(output) {
  const plain = stripVTControlCharacters(output);
  const count = (name) => Number([...plain.matchAll(new RegExp(`^ℹ ${name} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? Number.NaN);
  return { passed: count('pass'), failed: count('fail') + count('cancelled'), skipped: count('skipped') };
}

/** The table, one row a version. */
export function describeRuns(runs) {
  const rows = [
    ['NODE', 'PASSED', 'FAILED', 'SKIPPED', 'TOOK'],
    ...runs.map(({ version, counts, tookMs }) => [
      version,
      String(counts.passed),
      String(counts.failed),
      String(counts.skipped),
      seconds(tookMs),
    ]),
  ];
  return rows.map((row) =>
    row
      .map((cell) => cell.padEnd(10))
      .join('')
      .trimEnd(),
  );
}

/**
 * `npm run check:node`; answers the exit status: 0 when all tests pass on all versions.
 * @param {string[]} args
 */
export async function checkNode(args) {
  const { versions, paths } = parseCheckArguments(args);
  if (versions.length === 0 || paths.some((path) => path.startsWith('-'))) {
    console.error(USAGE);
    return 2;
  }
  const groups = findTestFiles(ROOT, paths);
  if (groups.units.length + groups.system.length === 0) {
    console.error(`No test lies at ${paths.join(', ')}.`);
    return 1;
  }
  if (!(await prepareTests())) return 1;
  const runs = [];
  for (const wanted of versions) {
    const { version, bin } = await ensureNode(wanted, join(LOCAL_FOLDER, 'node'));
    heading(`tests on Node.js ${version}`);
    const started = performance.now();
    // First on the PATH: what the tests start by name, npm for one, runs on it too.
    const { passed, output } = await runTests(groups, {
      keepOutput: true,
      program: join(bin, 'node'),
      env: {
        ...process.env,
        PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
        npm_execpath: undefined,
        npm_node_execpath: undefined,
      },
    });
    runs.push({ version, passed, counts: countsOf(output), tookMs: performance.now() - started });
  }
  console.log(`\n${describeRuns(runs).join('\n')}`);
  return runs.every(({ passed }) => passed) ? 0 : 1;
}
