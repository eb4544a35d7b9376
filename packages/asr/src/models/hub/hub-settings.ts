import { setTimeout as sleep } from 'node:timers/promises';

/** How the hub is reached; named as Hugging Face's own tools name it. */
export interface HubSettings {
  /** `HF_ENDPOINT`: the hub or a mirror of it, http(s). */
  readonly endpoint: string;
  /** `HF_TOKEN`; sent to the endpoint only, never to where it redirects to. */
  readonly token: string | null;
  /** `HF_HUB_OFFLINE`: never ask the hub; what is not in the cache is missing. */
  readonly offline: boolean;
  /** Wait before try number `attempt` (1, 2, …) after a failure, milliseconds; default: 1 s, doubled up to 30 s. */
  readonly pauseMs?: (attempt: number) => number;
  /** A connection that brings nothing for this long is given up, milliseconds; default 30 s. */
  readonly stallMs?: number;
}

/** The hub cannot be reached or does not serve what it should. A later try may help. Its message names the host, never a token. */
export class HubFault extends Error {
  override readonly name = 'HubFault';
}

/** A failure that may be gone at the next try: a cut connection, a busy server. */
export class PassingTrouble extends Error {
  override readonly name = 'PassingTrouble';
  /** What the server asked to wait, milliseconds; null: it did not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

const FRUITLESS_TRIES = 6;
const TRIES = 200;
const LONGEST_PAUSE_MS = 30_000;
const LONGEST_ASKED_PAUSE_MS = 120_000;

/**
 * Bounds how often something is tried again: six tries in a row that brought nothing, 200 in all. So a connection that breaks
 * every few megabytes still brings a large file, and a server that only ever says no is soon believed.
 */
export class RetryBudget {
  readonly #what: string;
  readonly #pauseMs: (attempt: number) => number;
  readonly #onPause: (reason: string) => void;
  #fruitless = 0;
  #tries = 0;

  /** @param onPause told of every failure that is followed by another try */
  constructor(what: string, pauseMs: ((attempt: number) => number) | undefined, onPause: (reason: string) => void) {
    this.#what = what;
    this.#onPause = onPause;
    this.#pauseMs = pauseMs ?? ((attempt) => Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** (attempt - 1)));
  }

  /** Something came: the tries in a row begin anew. */
  progressed(): void {
    this.#fruitless = 0;
  }

  /** Waits before the next try. Throws what it was given unless that is a `PassingTrouble`, and `HubFault` when there is no try left. */
  async pauseAfter(error: unknown): Promise<void> {
    if (!(error instanceof PassingTrouble)) throw error;
    this.#fruitless += 1;
    this.#tries += 1;
    if (this.#fruitless >= FRUITLESS_TRIES || this.#tries >= TRIES)
      throw new HubFault(`${this.#what} failed after ${String(this.#tries)} tries, last because ${error.message}`);
    this.#onPause(error.message);
    await sleep(
      error.retryAfterMs === null
        ? this.#pauseMs(this.#fruitless)
        : Math.min(error.retryAfterMs, LONGEST_ASKED_PAUSE_MS),
    );
  }
}
