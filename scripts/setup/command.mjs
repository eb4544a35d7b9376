import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KEPT_LINES = 200;

/** Commands that run. */
const running = new Set();

/** Ends the commands that still run: nothing of a set-up that was broken off goes on by itself. */
export function endCommands() {
  for (const child of running) child.kill('SIGTERM');
}

function started(child) {
  running.add(child);
  child.once('close', () => { running.delete(child); });
  return child;
}

/**
 * Runs a command to its end without a terminal.
 * `onLine` sees each line of its output; the last 200 lines (errors and output in order of arrival) are kept as `lines`.
 * Answers `{ code, lines, stdout }`, where `code` is the exit status, or null when it was killed or took longer than `timeoutMs`;
 * `stdout` holds at most 1 MiB. A command that does not exist answers code 127.
 */
export function runCommand(command, args, { cwd, env = process.env, timeoutMs = 0, onLine = () => {} } = {}) {
  return new Promise((resolve) => {
    const lines = [];
    let stdout = '';
    const keep = (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      onLine(line);
    };
    const child = started(spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' }));
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: 127, lines: [error.message], stdout: '' });
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (stdout.length < 1024 * 1024) stdout += `${line}\n`;
      keep(line);
    });
    createInterface({ input: child.stderr }).on('line', keep);
    child.once('close', (code) => { resolve({ code, lines, stdout }); });
  });
}

/** Runs a command that may use the terminal; answers its exit status (null when it was killed, 127 when it does not exist). */
export function runVisibly(command, args, { cwd, env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = started(spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] }));
    child.once('error', () => { resolve(127); });
    child.once('close', (code) => { resolve(code); });
  });
}
