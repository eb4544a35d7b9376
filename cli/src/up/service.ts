import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { say, seconds } from '../../../scripts/setup/say.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import type { Environment } from '../config.js';
import { describeLogLine, type LogFile, RepeatFilter } from './log-file.js';
import { type OwnRedis, redisServes } from './own-redis.js';

const TAIL_LINES = 12;
const POLL_MS = 100;
const TELL_EVERY_MS = 5_000;
// Fetching and warming a large model may take long, but the probes answer meanwhile; one that does not for this long hangs.
const SILENCE_LIMIT_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** Pause before try number `attempt` (0, 1, …) of starting a service again, milliseconds. */
export function restartPauseMs(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
}

/** What a service is run with. */
export interface ServiceOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Environment;
  readonly log: LogFile;
  readonly probe: () => Promise<Readiness>;
  /** Opens an IPC channel, by whose end the service learns that its starter is gone. */
  readonly channel?: boolean;
  /** Shows nothing of its log. */
  readonly quiet?: boolean;
  /** Gives up after so many starts in a row that did not become ready, and calls `onGivenUp`. */
  readonly triesInARow?: number | undefined;
  readonly onGivenUp?: (message: string) => void;
  /** The wait before a new try. */
  readonly pauseMs?: (attempt: number) => number;
}

/**
 * One process of the cluster, watched.
 *
 *   new --start--> starting --answers--> ready --dies--> pausing --after the pause--> starting …
 *                     └─ dies: the first time `ready` throws; later it pauses again, longer
 *   any --stop or kill--> ended
 */
export class Service {
  readonly name: string;
  readonly #options: ServiceOptions;
  readonly #tail: string[] = [];
  readonly #repeats = new RepeatFilter();
  #child: ChildProcess | null = null;
  #ended = false;
  #exit: Promise<void> = Promise.resolve();
  #state: 'new' | 'starting' | 'ready' | 'pausing' | 'ended' = 'new';
  #attempt = 0;
  #lastSignAtMs = 0;
  // Set while `ready` waits: tells it that the process has ended.
  #failStart: ((how: string) => void) | null = null;

  constructor(name: string, options: ServiceOptions) {
    this.name = name;
    this.#options = options;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    const { command, args, env, cwd, channel = false } = this.#options;
    this.#state = 'starting';
    this.#lastSignAtMs = Date.now();
    // A group of its own: Ctrl-C reaches only `murmur up`, which ends the services in their order.
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...(channel ? ['ipc' as const] : [])],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => {
          this.#onLine(line);
        });
    }
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
  async ready(): Promise<void> {
    const failure: { how: string | null } = { how: null };
    this.#failStart = (how) => {
      failure.how = how;
    };
    const startedMs = Date.now();
    let toldAtMs = startedMs;
    for (;;) {
      const { ready, detail } = await this.#options.probe();
      if (this.#ended) throw new SetupError(`${this.name} was ended before it was ready.`);
      const nowMs = Date.now();
      if (detail !== null) this.#lastSignAtMs = nowMs;
      if (failure.how === null && nowMs - this.#lastSignAtMs > SILENCE_LIMIT_MS)
        failure.how = 'does not answer its probes';
      if (failure.how !== null) throw new SetupError(`${this.name} ${failure.how}. ${this.#lastWords()}`);
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
  async stop(graceMs: number): Promise<void> {
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
  kill(): void {
    this.#ended = true;
    this.#state = 'ended';
    if (this.#child?.pid === undefined) return;
    // What it has started goes with it: it leads a group of its own.
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #onLine(line: string): void {
    this.#lastSignAtMs = Date.now();
    this.#options.log.write(line);
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    const text = this.#options.quiet === true ? null : describeLogLine(line, { starting: this.#state === 'starting' });
    if (text !== null && this.#repeats.passes(text)) say(this.name, text);
  }

  #lastWords(): string {
    const { path } = this.#options.log;
    if (this.#tail.length === 0) return `It said nothing (log: ${path}).`;
    return ['Its last lines:', ...this.#tail.map((line) => `  ${line.slice(0, 500)}`), `Log: ${path}`].join('\n');
  }

  #onExit(how: string): void {
    if (this.#ended) return;
    if (this.#failStart !== null) {
      this.#failStart(how);
      return;
    }
    const { triesInARow, onGivenUp } = this.#options;
    if (triesInARow !== undefined && this.#attempt >= triesInARow) {
      this.#ended = true;
      onGivenUp?.(`${this.name} ${how}, ${String(triesInARow)} times in a row. ${this.#lastWords()}`);
      return;
    }
    const pauseMs = (this.#options.pauseMs ?? restartPauseMs)(this.#attempt);
    this.#attempt += 1;
    this.#state = 'pausing';
    say(this.name, `${how}; started again in ${String(pauseMs / 1000)} s. ${this.#lastWords()}`);
    void this.#startAgain(pauseMs);
  }

  async #startAgain(pauseMs: number): Promise<void> {
    await sleep(pauseMs);
    if (this.#hasEnded()) return;
    this.start();
    const child = this.#child;
    while (this.#child === child && child !== null && !this.#hasEnded()) {
      if ((await this.#options.probe()).ready) {
        this.#state = 'ready';
        this.#attempt = 0;
        say(this.name, 'ready again');
        return;
      }
      await sleep(POLL_MS);
    }
  }

  #hasEnded(): boolean {
    return this.#ended;
  }
}

const TIMEOUT_MS = 5_000;

/** What a probe says. `detail` says in words what is not ready yet; null when nothing answers. */
export interface Readiness {
  readonly ready: boolean;
  readonly detail: string | null;
}

/** Asks a service's `/readyz`. */
export async function probeService(host: string, port: number): Promise<Readiness> {
  try {
    const response = await fetch(`http://${host}:${String(port)}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    return { ready: response.status === 200, detail: describeReadiness(text) };
  } catch {
    return { ready: false, detail: null };
  }
}

/** The checks that fail, out of a readiness answer (`application/health+json`): `model: loading; redis: connecting`. */
export function describeReadiness(text: string): string {
  try {
    const { checks } = JSON.parse(text) as {
      readonly checks: Readonly<Record<string, { readonly status: string; readonly output: string }>>;
    };
    return Object.entries(checks)
      .filter(([, check]) => check.status !== 'pass')
      .map(([name, check]) => `${name}: ${check.output}`)
      .join('; ');
  } catch {
    return 'not ready';
  }
}

/** Asks a Redis whether it has loaded its data. */
export async function probeRedis(server: OwnRedis): Promise<Readiness> {
  return { ready: await redisServes(server), detail: null };
}
