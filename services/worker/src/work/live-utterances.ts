import type { EarlyText } from '@murmuration/store';
import type { SessionId, UtteranceNumber } from '@murmuration/contracts';

interface Running {
  readonly utterance: UtteranceNumber;
  readonly startSamples: number;
  readonly samples: number;
  readonly text: Promise<EarlyText | null>;
}

/**
 * Utterances that rest and are recognized in this worker now, one a session: the final of such an utterance waits for that
 * instead of computing the same again.
 */
export class PreflightTexts {
  readonly #running = new Map<string, Running>();

  /** `text` must not reject. */
  add(session: SessionId, running: Running): void {
    this.#running.set(session, running);
    void running.text.then(() => {
      if (this.#running.get(session) === running) this.#running.delete(session);
    });
  }

  /** What is being made of this very audio, or null. */
  of(
    session: SessionId,
    planned: { readonly utterance: UtteranceNumber; readonly startSamples: number; readonly samples: number },
  ): Promise<EarlyText | null> | null {
    const running = this.#running.get(session);
    return running?.utterance === planned.utterance &&
      running.startSamples === planned.startSamples &&
      running.samples === planned.samples
      ? running.text
      : null;
  }
}

/** The latest utterance of each session whose final this worker has picked up: partials up to it are of no use any more. Bounded, oldest forgotten first. */
export class LatestFinals {
  readonly #utterances = new Map<string, number>();
  readonly #limit: number;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  add(session: SessionId, utterance: UtteranceNumber): void {
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
  reached(session: SessionId, utterance: UtteranceNumber): boolean {
    return (this.#utterances.get(session) ?? -1) >= utterance;
  }
}
