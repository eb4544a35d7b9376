import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTypes } from '../setup/build.mjs';
import { runVisibly } from '../setup/command.mjs';
import { ensureFfmpeg } from '../setup/ffmpeg.mjs';
import { LIVE_CLIENTS, ensureLiveClient } from '../setup/live-clients.mjs';
import { LOCAL_FOLDER, ROOT } from '../setup/paths.mjs';
import { prepare } from '../setup/prepare.mjs';
import { ensurePythonClient } from '../setup/python-client.mjs';
import { ensureRedisBinary } from '../setup/redis-binary.mjs';
import { heading, seconds } from '../setup/say.mjs';
import { ensureTestProgram } from '../setup/test-program.mjs';
import { USAGE, UsageError, parseTestArguments } from './arguments.mjs';
import { findTestFiles, inTurn } from './test-files.mjs';

const RUNNER = fileURLToPath(new URL('./run-tests.mjs', import.meta.url));
// The closing lines and more.
const KEPT_CHARACTERS = 64 * 1024;
const WATCH = new URL('./test-watch.mjs', import.meta.url).href;

/** `npm test`; answers the exit status. */
export async function test(args) {
  let options;
  try {
    options = parseTestArguments(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    console.log(USAGE);
    return 0;
  }

  if (!(await prepareTests())) return 1;
  // All checks run, whatever the ones before found; only without a build there is nothing to check.
  const checks = options.paths.length === 0 ? await runChecks() : [];
  const groups = findTestFiles(ROOT, options.paths);
  const count = groups.units.length + groups.system.length;
  if (count === 0) {
    console.error(`\nNo test lies at ${options.paths.join(', ')}.`);
    return 1;
  }
  if (checks.includes(false)) console.log('\nA check above failed; the tests run all the same.');
  heading(`tests (${String(count)} files)`);
  const { passed } = await runTests(groups);
  return passed && !checks.includes(false) ? 0 : 1;
}

/** Sees to all that tests need and compiles; answers whether the types are right. */
export async function prepareTests() {
  await step('preparation', async () => {
    await prepare({ build: false });
    await ensureRedisBinary();
    await ensureFfmpeg();
    await ensureTestProgram('haproxy');
    await ensureTestProgram('chromium');
    return true;
  });
  const [typed] = await Promise.all([
    step('types (tsc -b)', () => checkTypes(ROOT)),
    step('clients that tests use', async () => {
      await ensurePythonClient(join(LOCAL_FOLDER, 'test-python'));
      for (const client of LIVE_CLIENTS) await ensureLiveClient(client, LOCAL_FOLDER);
      return true;
    }),
  ]);
  return typed;
}

/** Lint takes as long as all other checks: they run beside it. Answers which passed. */
async function runChecks() {
  const others = async () => [
    await step('format (prettier)', () => tool('prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.'])),
    await step('boundaries (dependency-cruiser)', () =>
      tool('dependency-cruiser/bin/dependency-cruise.mjs', ['--config', '.dependency-cruiser.cjs', ...sourceFolders()]),
    ),
    await step('dead code (knip)', () => tool('knip/bin/knip.js', ['--no-progress', '--no-config-hints'])),
  ];
  const [lint, rest] = await Promise.all([
    step('lint (eslint)', () => tool('eslint/bin/eslint.js', ['.', '--max-warnings=0'])),
    others(),
  ]);
  return [lint, ...rest];
}

async function step(name, work) {
  heading(name);
  const started = performance.now();
  const passed = await work();
  console.log(`${name}: ${passed ? 'done' : 'FAILED'} in ${seconds(performance.now() - started)}`);
  return passed;
}

async function tool(script, args) {
  return (await runVisibly(process.execPath, [join(ROOT, 'node_modules', script), ...args], { cwd: ROOT })) === 0;
}

/** The `src` folder of each package and service. */
function sourceFolders() {
  const folders = ['packages', 'services'].flatMap((group) =>
    readdirSync(join(ROOT, group)).map((name) => `${group}/${name}`),
  );
  return [...folders, 'cli', 'console', 'loadtest', 'test']
    .map((name) => `${name}/src`)
    .filter((folder) => existsSync(join(ROOT, folder)));
}

/**
 * Runs test files, as `findTestFiles` answers them, on `program`; answers whether all passed, and the end of what was printed where that is to be kept.
 * In `npm test` it is the last thing that prints: the closing lines of node:test stand at the very end.
 * @param {ReturnType<typeof findTestFiles>} files
 * @param {{ program?: string, env?: NodeJS.ProcessEnv, keepOutput?: boolean }} [options]
 * @returns {Promise<{ passed: boolean, output: string }>}
 */
export function runTests(files, { program = process.execPath, env = process.env, keepOutput = false } = {}) {
  const groups = [{ files: inTurn(files).map(({ file }) => file), concurrency: 3 }];
  return new Promise((resolve) => {
    const child = spawn(program, ['--enable-source-maps', '--import', WATCH, RUNNER], {
      cwd: ROOT,
      env,
      stdio: ['pipe', keepOutput ? 'pipe' : 'inherit', 'inherit'],
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      process.stdout.write(text);
      output = (output + text).slice(-KEPT_CHARACTERS);
    });
    child.once('close', (code) => {
      resolve({ passed: code === 0, output });
    });
    child.stdin?.end(JSON.stringify({ root: ROOT, groups }));
  });
}
