import { AsrError, languageFor, type ModelDescription, type TranscribeOptions } from '@murmuration/contracts';

/** What is asked, in the words of the model. Throws when it cannot do it: `unsupported_language`, `unsupported_task`, `word_timestamps_unavailable`. */
export function optionsFor(options: TranscribeOptions, model: ModelDescription): TranscribeOptions {
  const { task, wordTimestamps } = options.decode;
  const language = languageFor(options.decode.language, model);
  if (!model.tasks.includes(task)) {
    throw new AsrError('unsupported_task', `The model ${model.id} cannot ${task}. Use a multilingual Whisper model.`, {
      param: 'task',
    });
  }
  if (wordTimestamps && model.wordTimes === 'none') {
    throw new AsrError(
      'word_timestamps_unavailable',
      `The model ${model.id} gives no word times. Use an export whose name ends in _timestamped.`,
      { param: 'word_timestamps' },
    );
  }
  return { ...options, decode: { ...options.decode, language } };
}
