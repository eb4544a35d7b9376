import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SubtitleLayout, Transcript } from '@murmuration/client/node';
import { Option } from '@commander-js/extra-typings';
import { wholeNumber } from '../commands.js';
import { UsageError } from '../terminal.js';

/** Forms of a transcript; also the extensions of its files. */
export const FORMATS = ['txt', 'json', 'srt', 'vtt', 'tsv'] as const;
export type Format = (typeof FORMATS)[number];

export const FORMAT = new Option('-f, --format <F>', 'form of the transcript').choices(FORMATS).default('txt' as const);

/** Options of the layout of subtitles; the names are those of Whisper's command line. */
export const SUBTITLE_OPTIONS = {
  width: new Option('--max-line-width <N>', 'subtitles (srt, vtt): columns of a line, 8 to 1000; default 42').argParser(
    wholeNumber(8, 1_000),
  ),
  lines: new Option(
    '--max-line-count <N>',
    'subtitles: lines of a subtitle, 1 to 10; default 2, or 1 with --max-words-per-line',
  ).argParser(wholeNumber(1, 10)),
  words: new Option(
    '--max-words-per-line <N>',
    'subtitles: words of a line, 1 to 100; default as many as fit',
  ).argParser(wholeNumber(1, 100)),
  highlight: new Option('--highlight-words', 'subtitles: underline each word while it is said'),
} as const;

interface SubtitleValues {
  readonly maxLineWidth?: number | undefined;
  readonly maxLineCount?: number | undefined;
  readonly maxWordsPerLine?: number | undefined;
  readonly highlightWords?: true | undefined;
}

/** The layout that a command line asks for; empty for a format without subtitles. Throws `UsageError` when an option cannot be meant. */
export function subtitleLayout(
  { maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords }: SubtitleValues,
  format: Format,
): SubtitleLayout {
  const layout = {
    ...(maxLineWidth === undefined ? {} : { max_line_width: maxLineWidth }),
    ...(maxLineCount === undefined ? {} : { max_line_count: maxLineCount }),
    ...(maxWordsPerLine === undefined ? {} : { max_words_per_line: maxWordsPerLine }),
    ...(highlightWords === undefined ? {} : { highlight_words: highlightWords }),
  };
  const [given] = Object.keys(layout);
  if (given !== undefined && format !== 'srt' && format !== 'vtt')
    throw new UsageError(`--${given.replaceAll('_', '-')} is for subtitles: add -f srt or -f vtt`);
  return layout;
}

/** A transcript as it is printed or put into a file: always with a line's end. */
export function transcriptText(transcript: Transcript | string): string {
  const text = typeof transcript === 'string' ? transcript : JSON.stringify(transcript, null, 2);
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** Writes a file so that under its name there is the whole of it or what was there before. Makes its folder. Throws as `node:fs` does. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomUUID()}.part`);
  try {
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
