import type { EarlyText } from '@murmuration/queue';

interface Running {
  readonly utterance: number;
  readonly startSamples: number;
  readonly samples: number;
  readonly text: Promise<EarlyText | null>;
}

/**
 * Utterances that rest and are recognized in this worker now, one a session: the final of such an utterance waits for that
 * instead of computing the same again.
 */
export class EarlyTexts {
  readonly #running = new Map<string, Running>();

  /** `text` must not reject. */
  add(session: string, running: Running): void {
    this.#running.set(session, running);
    void running.text.then(() => {
      if (this.#running.get(session) === running) this.#running.delete(session);
    });
  }

  /** What is being made of this very audio, or null. */
  of(session: string, planned: { readonly utterance: number; readonly startSamples: number; readonly samples: number }): Promise<EarlyText | null> | null {
    const running = this.#running.get(session);
    return running?.utterance === planned.utterance && running.startSamples === planned.startSamples && running.samples === planned.samples ? running.text : null;
  }
}
