/** Times of so many answers of a route are kept. */
const KEPT = 512;
/** Older ones count no more, milliseconds. */
const WINDOW_MS = 15 * 60_000;

interface Answered {
  readonly atMs: number;
  readonly tookMs: number;
}

export interface RouteTimes {
  readonly route: string;
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** How long this node took for its last answers, by route: the latest 512 of the last 15 minutes. */
export class RecentAnswers {
  readonly #routes = new Map<string, Answered[]>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @param route the route's pattern, of which there are few */
  add(route: string, tookMs: number): void {
    const kept = this.#routes.get(route) ?? [];
    kept.push({ atMs: this.#now(), tookMs });
    if (kept.length > KEPT) kept.shift();
    this.#routes.set(route, kept);
  }

  /** Routes that answered lately, in the order of their names. */
  times(): RouteTimes[] {
    const since = this.#now() - WINDOW_MS;
    return [...this.#routes]
      .map(([route, kept]) => {
        const took = kept
          .filter(({ atMs }) => atMs >= since)
          .map(({ tookMs }) => tookMs)
          .sort((a, b) => a - b);
        return { route, count: took.length, p50Ms: nearestRank(took, 0.5), p95Ms: nearestRank(took, 0.95) };
      })
      .filter(({ count }) => count > 0)
      .sort((a, b) => (a.route < b.route ? -1 : 1));
  }
}

function nearestRank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** A question whose answer is good for a while: asked again only when the last answer is older than that. */
export function cachedFor<T>(ageMs: number, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly askedMs: number; readonly answer: Promise<T> } | null = null;
  return () => {
    if (last === null || performance.now() - last.askedMs > ageMs) last = { askedMs: performance.now(), answer: ask() };
    return last.answer;
  };
}
