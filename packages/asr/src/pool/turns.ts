/** A place in a queue of turns. States: waiting → has the turn → over, or waiting → over. */
export interface Turn {
  /** Resolves when all turns asked for before are over; at once from then on. */
  readonly begins: Promise<void>;
  /** Ends it, or gives the place up; again is harmless. */
  end(): void;
}

/** Turns at something that one at a time may use, in the order in which they are asked for. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Asks for a turn. Whoever asks must end it, whatever happens: those behind wait for that. */
  ask(): Turn {
    const before = this.#last;
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#last = before.then(() => ended);
    return { begins: before, end };
  }
}
