/** How far finding a model is. */
export interface ModelProgress {
  /** `waiting`: another process fetches it. */
  readonly step: 'waiting' | 'downloading' | 'verifying';
  /** Relative to the model's folder; '' while waiting. */
  readonly file: string;
  /** Bytes of all files that are done with this step, and of all that there are; both 0 while waiting. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type OnModelProgress = (progress: ModelProgress) => void;
