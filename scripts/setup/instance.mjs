import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { runCommand } from './command.mjs';
import { writePrivate } from './private-files.mjs';
import { SetupError } from './setup-error.mjs';

const PROGRAMS = /scripts\/start\.mjs|\bmurmur(?:\.mjs)? up\b/;

/** The command line of a running process, or null when there is none or it cannot be told. */
async function commandLine(pid) {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return null;
    }
  }
  const { code, stdout } = await runCommand('ps', ['-p', String(pid), '-o', 'args='], { timeoutMs: 5_000 });
  return code === 0 ? stdout : null;
}

function readRecord(path) {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8'));
    return Number.isInteger(record.pid) ? record : null;
  } catch {
    return null;
  }
}

/**
 * The mark of a running `npm start` or `murmur up`, so that a second one in the same folder says so instead of fighting over ports and data.
 * A mark whose process is gone, or whose id went to another program, is stale and is taken over.
 */
export class Instance {
  #path;
  #record;
  /** True when a start before this one was killed: some of what it started may still be ending. */
  afterCrash;

  constructor(path, record, afterCrash) {
    this.#path = path;
    this.#record = record;
    this.afterCrash = afterCrash;
  }

  /** Takes the mark. Throws a `SetupError` when another process that is one of these programs, by its command line, holds it. */
  static async claim(path) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const record = { pid: process.pid };
    let afterCrash = false;
    for (;;) {
      try {
        writeFileSync(path, `${JSON.stringify(record)}\n`, { flag: 'wx', mode: 0o600 });
        return new Instance(path, record, afterCrash);
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const other = readRecord(path);
      if (other !== null && other.pid !== process.pid && PROGRAMS.test((await commandLine(other.pid)) ?? '')) {
        const where = other.url === undefined ? 'and is still starting' : `and serves ${other.url}`;
        throw new SetupError(
          `Murmuration is already running from this folder (process ${String(other.pid)}) ${where}. End it with Ctrl-C where it runs, or with: kill ${String(other.pid)}`,
        );
      }
      afterCrash = true;
      rmSync(path, { force: true });
    }
  }

  /** Tells later starts where this one serves. */
  serves(url) {
    this.#record.url = url;
    writePrivate(this.#path, `${JSON.stringify(this.#record)}\n`);
  }

  release() {
    if (readRecord(this.#path)?.pid === process.pid) rmSync(this.#path, { force: true });
  }
}
