import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A test has this long beyond its limit to end by node:test's own doing, which leaves the other tests of its file to run; milliseconds. */
const SLACK_MS = 5_000;
const LOOK_EVERY_MS = 500;

/**
 * Ends the processes of test files that do not end by themselves, with all that they have started: a test that blocks its process, a
 * hook of a test that hangs, a file that hangs outside of its tests or holds a handle when they are through.
 * They tell what they run in files of `folder` (test-watch.mjs). `onStuck({ file, name, reason })` hears of each.
 */
export function endStuckFiles(folder, onStuck, slackMs = SLACK_MS) {
  const timer = setInterval(() => {
    for (const entry of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
      const told = read(join(folder, entry));
      if (told === null || Date.now() - told.sinceMs < told.limitMs + slackMs) continue;
      rmSync(join(folder, entry), { force: true });
      const pid = Number.parseInt(entry, 10);
      // A file that is through leaves its last word behind.
      if (!processes().some((one) => one.pid === pid && one.command.includes(told.file))) continue;
      for (const one of [pid, ...descendants(pid)]) kill(one);
      const seconds = String(Math.round(told.limitMs / 1_000));
      onStuck({
        file: told.file,
        name: told.name ?? told.last ?? told.file,
        reason:
          told.name === null
            ? `The process did not end in the ${seconds} s after this: a hook of the test or something outside of the tests hangs, or a handle is still open.`
            : `Still running after its limit of ${seconds} s: it blocked its process.`,
      });
    }
  }, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
  };
}

/** Null while it is being written. */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function processes() {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\n')
    .flatMap((line) => {
      const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
      return match === null ? [] : [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] }];
    });
}

function descendants(pid, all = processes()) {
  return all.filter(({ parent }) => parent === pid).flatMap((child) => [child.pid, ...descendants(child.pid, all)]);
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
