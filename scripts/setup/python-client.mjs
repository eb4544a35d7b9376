import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.mjs';
import { findExecutable } from './executables.mjs';
import { heartbeat, say, seconds } from './say.mjs';

const PART = 'python client';
/** The official Python SDK that a test uses unchanged (Apache-2.0). */
export const PYTHON_REQUIREMENT = 'openai==3.51.0';
const STAMP = 'installed.txt';
const REASON = 'missing.txt';

/**
 * Sees to it that `folder` holds a Python environment with the official OpenAI SDK: `folder/bin/python` where it worked, else
 * `folder/missing.txt` with the reason, which the test that needs it tells when it is skipped. Never fails.
 */
export async function ensurePythonClient(folder, python = findExecutable(['python3'])) {
  if (isInstalled(folder)) {
    say(PART, 'up to date');
    return;
  }
  const started = performance.now();
  const stop = heartbeat(PART, (ms) => `installing ${PYTHON_REQUIREMENT}, ${seconds(ms)}`);
  const reason = await install(folder, python).finally(stop);
  if (reason === null) {
    writeFileSync(join(folder, STAMP), `${PYTHON_REQUIREMENT}\n`);
    say(PART, `${PYTHON_REQUIREMENT} installed in ${seconds(performance.now() - started)}`);
    return;
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, REASON), `${reason}\n`);
  say(PART, `not there, its test will be skipped: ${reason}`);
}

function isInstalled(folder) {
  // The interpreter is a link, which breaks when the system's Python is replaced.
  if (!existsSync(join(folder, 'bin', 'python'))) return false;
  try {
    return readFileSync(join(folder, STAMP), 'utf8').trim() === PYTHON_REQUIREMENT;
  } catch {
    return false;
  }
}

/** Null when it worked, else why not, in a sentence. */
async function install(folder, python) {
  if (python === null) return 'there is no python3 on the PATH.';
  rmSync(folder, { recursive: true, force: true });
  const venv = await runCommand(python, ['-m', 'venv', folder], { timeoutMs: 120_000 });
  if (venv.code !== 0)
    return `python3 cannot make an environment (on Debian: apt-get install python3-venv): ${lastLine(venv)}`;
  const pip = await runCommand(
    join(folder, 'bin', 'python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', PYTHON_REQUIREMENT],
    { timeoutMs: 300_000 },
  );
  return pip.code === 0 ? null : `pip could not install ${PYTHON_REQUIREMENT}: ${lastLine(pip)}`;
}

function lastLine({ lines }) {
  return lines.filter((line) => line.trim() !== '').at(-1) ?? 'it said nothing.';
}
