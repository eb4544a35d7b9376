/** The latest utterance of each session whose final this worker has picked up: partials up to it are of no use any more. Bounded, oldest forgotten first. */
export class LatestFinals {
  readonly #utterances = new Map<string, number>();
  readonly #limit: number;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  add(session: string, utterance: number): void {
    const latest = Math.max(utterance, this.#utterances.get(session) ?? -1);
    // Set anew, so that it is the youngest.
    this.#utterances.delete(session);
    this.#utterances.set(session, latest);
    if (this.#utterances.size <= this.#limit) return;
    for (const oldest of this.#utterances.keys()) {
      this.#utterances.delete(oldest);
      return;
    }
  }

  /** True when the utterance's own final, or that of a later one, was picked up here. */
  reached(session: string, utterance: number): boolean {
    return (this.#utterances.get(session) ?? -1) >= utterance;
  }
}
