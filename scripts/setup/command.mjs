import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KEPT_LINES = 200;

/** Commands that run, and the signal that ends each. */
const running = new Map();

/** Ends the commands that still run: nothing of a set-up that was broken off goes on by itself. */
export function endCommands() {
  for (const [child, signal] of running) child.kill(signal);
}

function started(child, signal) {
  running.set(child, signal);
  child.once('close', () => {
    running.delete(child);
  });
  return child;
}

/**
 * Runs a command to its end without a terminal.
 * `onLine` sees each line of its output; the last 200 lines (errors and output in order of arrival) are kept as `lines`.
 * Answers `{ code, lines, stdout }`, where `code` is the exit status, or null when it was killed or took longer than `timeoutMs`;
 * `endSignal` is what `endCommands` sends. `stdout` holds at most 1 MiB. A command that does not exist answers code 127.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, endSignal?: NodeJS.Signals, onLine?: (line: string) => void }} [options]
 * @returns {Promise<{ code: number | null, lines: string[], stdout: string }>}
 */
export function runCommand(
  command,
  args,
  { cwd, env = process.env, timeoutMs = 0, endSignal = 'SIGTERM', onLine = () => {} } = {},
) {
  return new Promise((resolve) => {
    const lines = [];
    let stdout = '';
    const keep = (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      onLine(line);
    };
    const child = started(
      spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' }),
      endSignal,
    );
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: 127, lines: [error.message], stdout: '' });
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (stdout.length < 1024 * 1024) stdout += `${line}\n`;
      keep(line);
    });
    createInterface({ input: child.stderr }).on('line', keep);
    child.once('close', (code) => {
      resolve({ code, lines, stdout });
    });
  });
}

/**
 * Runs a command that may use the terminal; answers its exit status (null when it was killed, 127 when it does not exist).
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number | null>}
 */
export function runVisibly(command, args, { cwd, env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = started(spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] }), 'SIGTERM');
    child.once('error', () => {
      resolve(127);
    });
    child.once('close', (code) => {
      resolve(code);
    });
  });
}
