import type { SubtitleLayout } from '@murmuration/client/node';
import { count } from '../parse-options.js';
import { UsageError } from '../terminal.js';
import type { Format } from './formats.js';

/** Options of the layout of subtitles, for `parseOptions`; the names are those of Whisper's command line. */
export const SUBTITLE_OPTIONS = {
  'max-line-width': { type: 'string' },
  'max-line-count': { type: 'string' },
  'max-words-per-line': { type: 'string' },
  'highlight-words': { type: 'boolean' },
} as const;

export const SUBTITLE_USAGE = `  --max-line-width N      subtitles (srt, vtt): columns of a line; default 42
  --max-line-count N      subtitles: lines of a subtitle, 1 to 10; default 2, or 1 with --max-words-per-line
  --max-words-per-line N  subtitles: words of a line, 1 to 100; default as many as fit
  --highlight-words       subtitles: underline each word while it is said
`;

interface SubtitleValues {
  readonly 'max-line-width'?: string;
  readonly 'max-line-count'?: string;
  readonly 'max-words-per-line'?: string;
  readonly 'highlight-words'?: boolean;
}

/** The layout that a command line asks for; empty for a format without subtitles. Throws `UsageError` when an option cannot be meant. */
export function subtitleLayout(values: SubtitleValues, format: Format): SubtitleLayout {
  const given = Object.keys(SUBTITLE_OPTIONS).find((name) => values[name as keyof SubtitleValues] !== undefined);
  if (given === undefined) return {};
  if (format !== 'srt' && format !== 'vtt') throw new UsageError(`--${given} is for subtitles: add -f srt or -f vtt`);
  const [width, lines, words] = [values['max-line-width'], values['max-line-count'], values['max-words-per-line']];
  return {
    ...(width === undefined
      ? {}
      : { max_line_width: count('--max-line-width', width, { absent: 42, least: 8, most: 1_000 }) }),
    ...(lines === undefined ? {} : { max_line_count: count('--max-line-count', lines, { absent: 2, most: 10 }) }),
    ...(words === undefined
      ? {}
      : { max_words_per_line: count('--max-words-per-line', words, { absent: 1, most: 100 }) }),
    ...(values['highlight-words'] === true ? { highlight_words: true } : {}),
  };
}
