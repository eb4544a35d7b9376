/** Where a command writes, and what comes from the user meanwhile. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Progress and errors. */
  err(text: string): void;
  /** Whether a person watches `err`. */
  readonly isWatched: boolean;
  /** Characters a line. */
  readonly columns: number;
  /** Standard input. */
  readonly input: AsyncIterable<Uint8Array>;
  /** A signal that is aborted with `Interrupted`. Who asks for it takes Ctrl-C over and must come to an end by itself; a second Ctrl-C ends the program at once. */
  interrupted(): AbortSignal;
}

/** A command line that means nothing; the message says which part of it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The user wants the program to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** As shells expect it: 128 and the number of the signal. */
  readonly status: number;

  constructor(status: number) {
    super('interrupted');
    this.status = status;
  }
}
