import { runCommand } from './command.mjs';
import { findExecutable } from './executables.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';
import { installPackage } from './system-packages.mjs';

// The queue's scripts and the stream commands in use came with this version; Valkey began at 7.2.
const OLDEST_REDIS = [6, 2];
const NAMES = ['valkey-server', 'redis-server'];

/** Version out of what `redis-server --version` prints (`Redis server v=7.0.15 sha=…`), as numbers, or null. */
export function parseRedisVersion(text) {
  const match = /\bv=(\d+)\.(\d+)\.(\d+)/.exec(text);
  return match === null ? null : match.slice(1).map(Number);
}

/** @param {number[]} version */
function isRecentEnough([major, minor]) {
  return major > OLDEST_REDIS[0] || (major === OLDEST_REDIS[0] && minor >= OLDEST_REDIS[1]);
}

/** Path of a Redis or Valkey server, installed first when there is none and that may be done. Throws a `SetupError` that says what to type. */
export async function ensureRedisBinary() {
  let path = findExecutable(NAMES);
  if (path === null) {
    say('redis', 'no redis-server or valkey-server on the PATH');
    const { installed, hint } = await installPackage('redis', (text) => {
      say('redis', text);
    });
    path = installed ? findExecutable(NAMES) : null;
    if (path === null) {
      throw new SetupError(
        `Murmuration keeps its queue in Redis or Valkey, and neither is installed.\n${hint}\nOr set REDIS_URL to one that runs.`,
      );
    }
  }
  const version = parseRedisVersion((await runCommand(path, ['--version'], { timeoutMs: 10_000 })).stdout);
  if (version !== null && !isRecentEnough(version)) {
    throw new SetupError(
      `${path} is version ${version.join('.')}; Murmuration needs Redis ${OLDEST_REDIS.join('.')} or later, or Valkey. Install a newer one, or set REDIS_URL to one that runs.`,
    );
  }
  return path;
}
