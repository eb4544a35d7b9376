import { AsrError, type ModelDescription, type TranscribeOptions } from '@murmuration/contracts';

/** Throws when the model cannot do what is asked: `unsupported_language`, `unsupported_task`, `word_timestamps_unavailable`. */
export function checkOptions(options: TranscribeOptions, model: ModelDescription): void {
  const { language, task, wordTimestamps } = options.decode;
  if (language !== null && !model.languages.includes(language)) {
    throw new AsrError('unsupported_language', `The model ${model.id} does not know this language. It knows: ${model.languages.slice(0, 12).join(', ')}${model.languages.length > 12 ? ' …' : ''}.`, { param: 'language' });
  }
  if (!model.tasks.includes(task)) {
    throw new AsrError('unsupported_task', `The model ${model.id} cannot ${task}. Use a multilingual Whisper model.`, { param: 'task' });
  }
  if (wordTimestamps && model.wordTimes === 'none') {
    throw new AsrError('word_timestamps_unavailable', `The model ${model.id} gives no word times. Use an export whose name ends in _timestamped.`, { param: 'word_timestamps' });
  }
}
