/** Where a command writes. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Progress and errors. */
  err(text: string): void;
  /** Whether a person watches `err`. */
  readonly isWatched: boolean;
  /** Characters a line. */
  readonly columns: number;
}

/** A command line that means nothing; the message says which part of it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
