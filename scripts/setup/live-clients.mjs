import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.mjs';
import { findExecutable } from './executables.mjs';
import { npmErrors, runNpm } from './npm.mjs';
import { heartbeat, say, seconds } from './say.mjs';

/**
 * Clients of live speech that tests use unchanged and that are no dependencies of the project: they bring native code, and licences
 * that its lockfile does not take. Each lies in a folder of its own, with `installed.txt`, or `missing.txt` that says why not.
 */
export const LIVE_CLIENTS = [
  {
    folder: 'test-live-python',
    part: 'python live clients',
    packages: ['openai[realtime]==3.51.0', 'websocket-client==1.9.0', 'numpy==2.2.6'],
    // Its own requirements are those of its server: torch, openvino and more. The client needs the two above.
    alone: ['whisper-live==0.10.0'],
    install: installPython,
  },
  {
    folder: 'test-livekit',
    part: 'livekit plugins',
    packages: [
      '@livekit/agents-plugin-openai@1.9.0',
      '@livekit/agents-plugin-deepgram@1.9.0',
      '@livekit/agents@1.9.0',
      '@livekit/rtc-node@0.13.35',
    ],
    alone: [],
    install: installNpm,
  },
];

const STAMP = 'installed.txt';
const REASON = 'missing.txt';

/** Sees to it that `client` lies in `top`. Never fails. */
export async function ensureLiveClient(client, top) {
  const folder = join(top, client.folder);
  const wanted = `${[...client.packages, ...client.alone].join('\n')}\n`;
  if (isInstalled(folder, wanted)) {
    say(client.part, 'up to date');
    return;
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const started = performance.now();
  const stop = heartbeat(client.part, (ms) => `installing, ${seconds(ms)}`);
  const reason = await client.install(folder, client).finally(stop);
  if (reason === null) {
    writeFileSync(join(folder, STAMP), wanted);
    say(client.part, `installed in ${seconds(performance.now() - started)}`);
    return;
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, REASON), `${reason}\n`);
  say(client.part, `not there, their tests will be skipped: ${reason}`);
}

function isInstalled(folder, wanted) {
  // The interpreter is a link, which breaks when the system's Python is replaced.
  if (!existsSync(join(folder, 'bin', 'python')) && !existsSync(join(folder, 'node_modules'))) return false;
  try {
    return readFileSync(join(folder, STAMP), 'utf8') === wanted;
  } catch {
    return false;
  }
}

/** Null when it worked, else why not, in a sentence. */
async function installPython(folder, { packages, alone }) {
  const python = findExecutable(['python3']);
  if (python === null) return 'there is no python3 on the PATH.';
  const venv = await runCommand(python, ['-m', 'venv', folder], { timeoutMs: 120_000 });
  if (venv.code !== 0)
    return `python3 cannot make an environment (on Debian: apt-get install python3-venv): ${lastLine(venv.lines)}`;
  for (const args of [packages, ['--no-deps', ...alone]]) {
    const pip = await runCommand(
      join(folder, 'bin', 'python'),
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...args],
      { timeoutMs: 300_000 },
    );
    if (pip.code !== 0) return `pip could not install ${args.at(-1)}: ${lastLine(pip.lines)}`;
  }
  return null;
}

/** Null when it worked, else why not, in a sentence. */
async function installNpm(folder, { packages }) {
  // A package of its own: npm would take the folder for a part of the checkout.
  writeFileSync(join(folder, 'package.json'), '{ "name": "test-clients", "private": true }\n');
  const npm = await runNpm(['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
    cwd: folder,
    timeoutMs: 300_000,
  });
  return npm.code === 0
    ? null
    : `npm could not install ${packages[0]}: ${npmErrors(npm.lines)[0] ?? lastLine(npm.lines)}`;
}

function lastLine(lines) {
  return lines.filter((line) => line.trim() !== '').at(-1) ?? 'it said nothing.';
}
