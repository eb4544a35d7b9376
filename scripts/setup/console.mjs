import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runCommand } from './command.mjs';
import { say, seconds } from './say.mjs';
import { SetupError } from './setup-error.mjs';

/** Sources that the console is made of, and the versions of its packages. */
const INPUTS = [
  'console',
  'packages/client/src',
  'packages/contracts/src',
  'packages/transcript/src',
  'package-lock.json',
  'scripts/setup/console.mjs',
];
const STAMP = '.stamp';
const PART = 'console';

/** Builds the console into `folder` unless it is there already, made of the same sources. Throws a `SetupError` with what the build says. */
export async function ensureConsole(root, folder) {
  const stamp = stampOf(root);
  if (readStamp(folder) === stamp) {
    say(PART, 'up to date');
    return;
  }
  const started = performance.now();
  const part = `${folder}.${String(process.pid)}.part`;
  try {
    await buildInto(root, part);
    pack(join(part, 'assets'));
    writeFileSync(join(part, STAMP), stamp);
    // Pages that are open ask for the old files once more at most; what serves them reads the new ones from now on.
    rmSync(folder, { recursive: true, force: true });
    renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  say(PART, `built in ${seconds(performance.now() - started)}`);
}

/** A checksum over the paths and bytes of all sources. */
export function stampOf(root) {
  const hash = createHash('sha256');
  for (const path of INPUTS.flatMap((input) => filesOf(root, input))) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesOf(root, input) {
  if (!existsSync(join(root, input))) return [];
  if (/\.\w+$/.test(input)) return [input];
  return readdirSync(join(root, input), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter((path) => !/(?:^|\/)(?:dist|node_modules)\/|\.test\.ts$/.test(path))
    .sort();
}

function readStamp(folder) {
  try {
    return readFileSync(join(folder, STAMP), 'utf8');
  } catch {
    return null;
  }
}

/** Browsers ask for packed files; they are packed once, here. */
function pack(assets) {
  for (const name of readdirSync(assets)) {
    const path = join(assets, name);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
  }
}

/** In a process of its own, and after everything else: who waits for the server waits for its other parts. */
async function buildInto(root, outDir) {
  const { code, lines } = await runCommand(process.execPath, [join(root, 'console', 'build.mjs'), outDir], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (code !== 0) throw new SetupError(['The console could not be built.', ...lines.slice(-20)].join('\n'));
}
