/** What is older than this counts little, milliseconds: some batches of a slow model. */
const MEMORY_MS = 10_000;

/** Devices that had no pause at all: what is wasted is felt by so many times the rows that come while they clear what waits. */
const LEAST_IDLE_SHARE = 0.02;

/** How busy the sessions were lately and how often rows came; older times count exponentially less. Times are those of one steady clock, milliseconds. */
export class RecentLoad {
  readonly #sessions: number;
  #atMs: number;
  #busySessions = 0;
  #busyShare = 0;
  #rowsPerMs = 0;

  constructor(sessions: number, nowMs: number) {
    this.#sessions = sessions;
    this.#atMs = nowMs;
  }

  /** A row has come. */
  arrived(nowMs: number): void {
    this.#pass(nowMs);
    this.#rowsPerMs += 1 / MEMORY_MS;
  }

  /** From now on so many sessions run. */
  running(sessions: number, nowMs: number): void {
    this.#pass(nowMs);
    this.#busySessions = sessions;
  }

  /**
   * How many rows will probably come before the devices have cleared work of `workMs`: those that come meanwhile, and those that come while these are cleared.
   * The busier the devices were, the longer that lasts.
   */
  followers(workMs: number, nowMs: number): number {
    this.#pass(nowMs);
    return (this.#rowsPerMs * workMs) / Math.max(1 - this.#busyShare, LEAST_IDLE_SHARE);
  }

  #pass(nowMs: number): void {
    const kept = Math.exp(-(nowMs - this.#atMs) / MEMORY_MS);
    this.#busyShare = this.#busyShare * kept + (this.#busySessions / this.#sessions) * (1 - kept);
    this.#rowsPerMs *= kept;
    this.#atMs = nowMs;
  }
}

/** A final that waited for a session longer than this is a sign of too much work, milliseconds: of its 400 ms its own run takes a good half. */
const FINAL_WAIT_MS = 150;
/** So long no partials run then, milliseconds. */
const PAUSE_MS = 1_000;

/** Says when there is room for partials: open → paused (a final had to wait) → open after a second without such a final. */
export class PartialPace {
  readonly #now: () => number;
  #openFromMs = -Infinity;

  /** @param now a clock, milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isPaused(): boolean {
    return this.#now() < this.#openFromMs;
  }

  /** A final begins to run after it has waited for so long. */
  finalBegins(waitedMs: number): void {
    if (waitedMs > FINAL_WAIT_MS) this.#openFromMs = this.#now() + PAUSE_MS;
  }
}
