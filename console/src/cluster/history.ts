import { MurmurationError, type ClusterFigures, type Murmuration } from '@murmuration/client';

const EVERY_MS = 2_000;
/** An hour. */
const KEPT = 1_800;

export interface History {
  readonly figures: readonly ClusterFigures[];
  readonly error: unknown;
}

/** Figures of the cluster from when the view was opened first; asked for while somebody looks. */
class ClusterHistory {
  #history: History = { figures: [], error: null };
  #client: Murmuration | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  readonly history = (): History => this.#history;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) clearTimeout(this.#timer);
    };
  };

  /** Asks with this client from now on. */
  ask(client: Murmuration): void {
    this.#client = client;
    clearTimeout(this.#timer);
    void this.#round();
  }

  async #round(): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    try {
      const now = await client.cluster();
      if (client !== this.#client) return;
      this.#show({ figures: [...this.#history.figures, now].slice(-KEPT), error: null });
    } catch (error) {
      if (client !== this.#client) return;
      this.#show({ ...this.#history, error });
      // Another key may be allowed; asking again with this one is in vain.
      if (error instanceof MurmurationError && (error.status === 401 || error.status === 403)) return;
    }
    if (this.#listeners.size > 0) this.#timer = setTimeout(() => void this.#round(), EVERY_MS);
  }

  #show(history: History): void {
    this.#history = history;
    for (const listener of this.#listeners) listener();
  }
}

export const clusterHistory = new ClusterHistory();
