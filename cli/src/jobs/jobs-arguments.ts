import type { JobStatus, Murmuration, SubtitleLayout } from '@murmuration/client/node';
import type { Format } from '../output/formats.js';

export const STATUSES = [
  'receiving',
  'queued',
  'running',
  'done',
  'failed',
  'cancelled',
] as const satisfies readonly JobStatus[];

/** What a command of the group is given. */
export interface JobsArguments {
  readonly client: Murmuration;
  readonly ids: readonly string[];
  readonly json: boolean;
  /** Of `list`. */
  readonly status: JobStatus | undefined;
  readonly limit: number;
  readonly after: string | undefined;
  readonly before: string | undefined;
  /** Of `result`. */
  readonly format: Format;
  readonly layout: SubtitleLayout;
  readonly folder: string | null;
}
