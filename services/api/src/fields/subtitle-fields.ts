import { z } from 'zod';
import { DEFAULT_LAYOUT, type CueLayout } from '@murmuration/transcript';
import { textField } from './text-field.js';

/** Fields of every endpoint that answers with subtitles, by the names of Whisper's command line. */
export const subtitleFields = {
  max_line_width: textField(z.number().int().min(8).max(1_000)).describe(`Columns of a line of \`srt\` and \`vtt\`; a wide character takes two. ${String(DEFAULT_LAYOUT.maxLineWidth)} when left out.`),
  max_line_count: textField(z.number().int().min(1).max(10)).describe(`Lines of a subtitle. ${String(DEFAULT_LAYOUT.maxLineCount)} when left out; 1 with \`max_words_per_line\`.`),
  max_words_per_line: textField(z.number().int().min(1).max(100)).describe('Words of a line of subtitles; as many as fit when left out.'),
  highlight_words: textField(z.boolean()).describe('Underlines each word of `srt` and `vtt` while it is said.'),
};

/** The fields as a query of their own. */
export const subtitleFieldsSchema = z.strictObject(subtitleFields);

/** The layout that the fields ask for. */
export function layoutFrom(fields: z.output<typeof subtitleFieldsSchema>): CueLayout {
  return {
    maxLineWidth: fields.max_line_width ?? DEFAULT_LAYOUT.maxLineWidth,
    maxLineCount: fields.max_line_count ?? (fields.max_words_per_line === undefined ? DEFAULT_LAYOUT.maxLineCount : 1),
    maxWordsPerLine: fields.max_words_per_line ?? null,
    highlightWords: fields.highlight_words ?? false,
  };
}
