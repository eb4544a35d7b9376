/** How far finding a model is. */
export interface ModelProgress {
  /** `waiting`: another process fetches it. `pausing`: something failed and is tried again soon. */
  readonly step: 'waiting' | 'pausing' | 'downloading' | 'verifying';
  /** Why it pauses; '' otherwise. */
  readonly reason: string;
  /** Relative to the model's folder; '' while waiting and pausing. */
  readonly file: string;
  /** Bytes of all files that are done with this step, and of all that there are; both 0 while waiting and pausing. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type OnModelProgress = (progress: ModelProgress) => void;
