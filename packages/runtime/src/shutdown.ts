import type { Logger } from 'pino';

/** One thing to do on the way out. */
interface Step {
  readonly name: string;
  run(): Promise<void> | void;
}

/**
 * Ordered shutdown of a process.
 * running --SIGTERM/SIGINT/`stop`--> stopping (steps run once, last added first) --> exit.
 * A second signal while stopping ends the process at once with 130.
 */
export class Shutdown {
  readonly #steps: Step[] = [];
  readonly #logger: Logger;
  readonly #limitMs: number;
  #stopping: Promise<void> | null = null;
  #beganMs: number | null = null;

  /** @param limitMs the process ends by force, with 1, after this long */
  constructor(logger: Logger, limitMs: number) {
    this.#logger = logger;
    this.#limitMs = limitMs;
  }

  get stopping(): boolean {
    return this.#stopping !== null;
  }

  /** How long the orderly end may still take, milliseconds; the whole limit before it has begun. */
  get leftMs(): number {
    return this.#beganMs === null ? this.#limitMs : Math.max(0, this.#limitMs - (performance.now() - this.#beganMs));
  }

  /** Adds a step; steps run in the reverse order of being added. */
  add(name: string, run: () => Promise<void> | void): void {
    this.#steps.push({ name, run });
  }

  /** Ends the process on SIGTERM and SIGINT, and, with 1, on what nobody caught. */
  listen(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (this.stopping) process.exit(130);
        void this.stop(signal).then(() => process.exit(process.exitCode ?? 0));
      });
    }
    const fatal = (error: unknown): void => {
      this.#logger.fatal({ err: error }, 'a fault that nothing caught');
      process.exitCode = 1;
      void this.stop('fault').then(() => process.exit(1));
    };
    process.on('uncaughtException', fatal);
    process.on('unhandledRejection', fatal);
  }

  /** Runs the steps once; later calls wait for the same run. */
  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#run(reason);
    return this.#stopping;
  }

  async #run(reason: string): Promise<void> {
    this.#logger.info({ reason }, 'stopping');
    this.#beganMs = performance.now();
    const limit = setTimeout(() => {
      this.#logger.error('the orderly end took too long');
      process.exit(1);
    }, this.#limitMs);
    limit.unref();
    for (const step of this.#steps.reverse()) {
      try {
        await step.run();
      } catch (error) {
        this.#logger.error({ err: error, step: step.name }, 'a step of the shutdown failed');
      }
    }
    clearTimeout(limit);
    this.#logger.info('stopped');
  }
}
