import { z } from 'zod';
import { AsrError, taskSchema } from '@murmuration/contracts';
import { parseFields, textField, type UploadReader } from './field-bag.js';
import { PROMPT_LENGTH, optionsFrom } from './transcribe-fields.js';

/** Forms of the answer. */
export const asrOutputSchema = z.enum(['txt', 'vtt', 'srt', 'tsv', 'json']);

const encodeField = textField(z.boolean()).describe(
  '`false`: the recording is samples and nothing else, signed 16 bit little endian, mono, 16 kHz. Counts in the address only.',
);

/** Fields of `POST /asr` (whisper-asr-webservice, `app/webservice.py`). Others are let pass, for engines of that service differ. */
export const asrFieldsSchema = z.object({
  task: textField(taskSchema).describe('`translate` gives English text, where the model can.'),
  language: textField(z.string().max(64)).describe('ISO 639-1 code or English name; found by the model when left out.'),
  initial_prompt: textField(z.string().max(PROMPT_LENGTH)).describe('Text that comes before, for names and style.'),
  encode: encodeField,
  output: textField(asrOutputSchema).describe('`txt` when left out.'),
  word_timestamps: textField(z.boolean()).describe('Gives the time of each word in `json`.'),
  diarize: textField(z.boolean()).describe('Not served: refused when `true`.'),
});

/** Fields of `POST /detect-language`. */
export const detectLanguageFieldsSchema = z.object({ encode: encodeField });

/** How `POST /asr` answers. */
export interface AsrAnswer {
  readonly output: z.output<typeof asrOutputSchema>;
  readonly words: boolean;
}

const FILE_FIELD = 'audio_file';

export const asrReader: UploadReader<AsrAnswer> & { readonly fileField: string } = {
  lists: [],
  schema: asrFieldsSchema,
  strict: false,
  fileField: FILE_FIELD,
  read(bag) {
    const { task, language, initial_prompt, output, word_timestamps, diarize } = parseFields(asrFieldsSchema, bag);
    if (diarize === true)
      throw new AsrError('invalid_field', 'diarize: speakers are not told apart here.', { param: 'diarize' });
    const options = optionsFrom({ task, language, prompt: initial_prompt, word_timestamps });
    return { options, answer: { output: output ?? 'txt', words: word_timestamps ?? false } };
  },
};

export const detectLanguageReader: UploadReader<null> = {
  lists: [],
  schema: detectLanguageFieldsSchema,
  strict: false,
  fileField: FILE_FIELD,
  read(bag) {
    parseFields(detectLanguageFieldsSchema, bag);
    return { options: optionsFrom({}), answer: null };
  },
};
