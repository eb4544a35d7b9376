import type { JobOptions, Murmuration, SubtitleLayout } from '@murmuration/client/node';
import type { Format } from '../output/formats.js';

/** What `murmur transcribe` is given. */
export interface TranscribeArguments {
  readonly client: Murmuration;
  /** Paths, addresses, or `-` for standard input. */
  readonly inputs: readonly string[];
  readonly format: Format;
  /** Of subtitles. */
  readonly layout: SubtitleLayout;
  /** Folder for one file an input; null prints. */
  readonly folder: string | null;
  readonly fields: JobOptions;
  /** Recordings in hand at once. */
  readonly parallel: number;
  readonly json: boolean;
}
