import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Delays are told of this often, milliseconds. */
const REPORT_EVERY_MS = 1_000;

/** Watches how long the event loop of this thread is held up. */
export class EventLoopLag {
  readonly #delays = monitorEventLoopDelay({ resolution: 10 });
  readonly #timer: NodeJS.Timeout;
  #lagSeconds = 0;

  /** @param report called once a second with the longest delay of that second, seconds */
  constructor(report: (lagSeconds: number) => void) {
    this.#delays.enable();
    this.#timer = setInterval(() => {
      this.#lagSeconds = this.#delays.max / 1e9;
      this.#delays.reset();
      report(this.#lagSeconds);
    }, REPORT_EVERY_MS);
    this.#timer.unref();
  }

  get lagSeconds(): number {
    return this.#lagSeconds;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delays.disable();
  }
}
