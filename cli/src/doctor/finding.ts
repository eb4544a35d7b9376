/** What one check found: a line for a person. */
export interface Finding {
  readonly name: string;
  /** `note`: it works, with something to know. `bad`: it does not work until something is done. */
  readonly state: 'ok' | 'note' | 'bad';
  /** What is so and, unless it is `ok`, what to do. */
  readonly text: string;
}

/** How a line begins that says it. */
export const MARKS = { ok: 'ok  ', note: 'note', bad: 'BAD ' } as const;
