/** An ended utterance, as its final is planned. */
export interface PlannedUtterance {
  readonly utterance: number;
  /** Its audio with padding, positions in the 16 kHz signal. */
  readonly startSamples: number;
  readonly samples: number;
  /** Its speech, milliseconds from the session's start. */
  readonly startMs: number;
  readonly endMs: number;
  readonly by: 'silence' | 'committed' | 'cut' | 'finish';
}
