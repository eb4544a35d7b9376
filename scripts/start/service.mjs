import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from '../setup/setup-error.mjs';
import { say, seconds } from '../setup/say.mjs';
import { RepeatFilter, describeLogLine } from './log-line.mjs';

const TAIL_LINES = 12;
const POLL_MS = 100;
const TELL_EVERY_MS = 5_000;
// Fetching and warming a large model may take long, but the probes answer meanwhile; one that does not for this long hangs.
const SILENCE_LIMIT_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** Pause before try number `attempt` (0, 1, …) of starting a service again, milliseconds. */
export function restartPauseMs(attempt) {
  return Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
}

/**
 * One process of the cluster, watched.
 *
 *   new --start--> starting --answers--> ready --dies--> pausing --after the pause--> starting …
 *                     └─ dies: the first time `ready` throws; later it pauses again, longer
 *   any --stop or kill--> ended
 *
 * A service with `triesInARow` gives up after so many starts that did not become ready, and calls `onGivenUp`.
 */
export class Service {
  name;
  #options;
  #child = null;
  #ended = false;
  #exit = Promise.resolve();
  #state = 'new';
  #tail = [];
  #attempt = 0;
  #lastSignAtMs = 0;
  #repeats = new RepeatFilter();
  // Set while `ready` waits: tells it that the process has ended.
  #failStart = null;

  /**
   * `options`: `command`, `args`, `env`, `cwd`; `log`, a LogFile; `probe`, which answers `{ ready, detail }` (`detail` is null when
   * nothing answered); `channel`, whether to open an IPC channel; `quiet`, to show nothing of its log; `triesInARow` and
   * `onGivenUp(message)`; `pauseMs(attempt)`, the wait before a new try.
   */
  constructor(name, options) {
    this.name = name;
    this.#options = options;
  }

  get pid() {
    return this.#child?.pid ?? null;
  }

  start() {
    const { command, args, env, cwd, channel } = this.#options;
    this.#state = 'starting';
    this.#lastSignAtMs = Date.now();
    // A group of its own: Ctrl-C reaches only the start script, which ends the services in their order.
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe', ...(channel ? ['ipc'] : [])] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => { this.#onLine(line); });
    this.#exit = new Promise((resolve) => {
      child.once('error', (error) => {
        if (child.pid !== undefined) return;
        this.#onLine(error.message);
        this.#child = null;
        resolve();
        this.#onExit('could not be started');
      });
      child.once('close', (code, signal) => {
        this.#child = null;
        resolve();
        this.#onExit(signal === null ? `ended with status ${String(code)}` : `was ended by ${signal}`);
      });
    });
  }

  /** Waits for the first readiness. Throws a `SetupError` with the last lines of its log when it ends before, or hangs. */
  async ready() {
    let failure = null;
    this.#failStart = (how) => { failure = how; };
    const startedMs = Date.now();
    let toldAtMs = startedMs;
    for (;;) {
      const { ready, detail } = await this.#options.probe();
      if (this.#ended) throw new SetupError(`${this.name} was ended before it was ready.`);
      const nowMs = Date.now();
      if (detail !== null) this.#lastSignAtMs = nowMs;
      if (failure === null && nowMs - this.#lastSignAtMs > SILENCE_LIMIT_MS) failure = 'does not answer its probes';
      if (failure !== null) throw new SetupError(`${this.name} ${failure}. ${this.#lastWords()}`);
      if (ready) break;
      if (nowMs - toldAtMs >= TELL_EVERY_MS) {
        say(this.name, `${detail ?? 'starting'}, ${seconds(nowMs - startedMs)}`);
        toldAtMs = nowMs;
      }
      await sleep(POLL_MS);
    }
    this.#failStart = null;
    this.#state = 'ready';
  }

  /** Ends it in order: SIGTERM, and SIGKILL when it takes longer than `graceMs`. */
  async stop(graceMs) {
    this.#ended = true;
    this.#state = 'ended';
    if (this.#child === null) return;
    this.#child.kill('SIGTERM');
    const limit = setTimeout(() => {
      say(this.name, 'takes too long to end; killed');
      this.kill();
    }, graceMs);
    await this.#exit;
    clearTimeout(limit);
  }

  /** Ends it at once. */
  kill() {
    this.#ended = true;
    this.#state = 'ended';
    if (this.#child?.pid === undefined) return;
    // What it has started goes with it: it leads a group of its own.
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }

  #onLine(line) {
    this.#lastSignAtMs = Date.now();
    this.#options.log.write(line);
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    const text = this.#options.quiet ? null : describeLogLine(line, { starting: this.#state === 'starting' });
    if (text !== null && this.#repeats.passes(text)) say(this.name, text);
  }

  #lastWords() {
    const { path } = this.#options.log;
    if (this.#tail.length === 0) return `It said nothing (log: ${path}).`;
    return ['Its last lines:', ...this.#tail.map((line) => `  ${line.slice(0, 500)}`), `Log: ${path}`].join('\n');
  }

  #onExit(how) {
    if (this.#ended) return;
    if (this.#failStart !== null) {
      this.#failStart(how);
      return;
    }
    const { triesInARow } = this.#options;
    if (triesInARow !== undefined && this.#attempt >= triesInARow) {
      this.#ended = true;
      this.#options.onGivenUp(`${this.name} ${how}, ${String(triesInARow)} times in a row. ${this.#lastWords()}`);
      return;
    }
    const pauseMs = (this.#options.pauseMs ?? restartPauseMs)(this.#attempt);
    this.#attempt += 1;
    this.#state = 'pausing';
    say(this.name, `${how}; started again in ${String(pauseMs / 1000)} s. ${this.#lastWords()}`);
    void this.#startAgain(pauseMs);
  }

  async #startAgain(pauseMs) {
    await sleep(pauseMs);
    if (this.#ended) return;
    this.start();
    const child = this.#child;
    while (this.#child === child && child !== null && !this.#ended) {
      if ((await this.#options.probe()).ready) {
        this.#state = 'ready';
        this.#attempt = 0;
        say(this.name, 'ready again');
        return;
      }
      await sleep(POLL_MS);
    }
  }
}
