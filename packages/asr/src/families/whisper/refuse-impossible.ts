import type { DecodeOptions, ModelDescription } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import { MULTI } from '@murmuration/contracts/language';
import type { WhisperParts } from './whisper-parts.js';

/**
 * Throws `AsrError` `unsupported_language`, `unsupported_task` or `word_timestamps_unavailable` for what a Whisper cannot do.
 * @param alignsWords whether its export gives the attentions that word times come from
 */
export function refuseImpossible(
  options: DecodeOptions,
  { id, tasks }: Pick<ModelDescription, 'id' | 'tasks'>,
  { vocabulary }: Pick<WhisperParts, 'vocabulary'>,
  alignsWords: boolean,
): void {
  if (options.language !== null && options.language !== MULTI && !vocabulary.languages.has(options.language)) {
    throw new AsrError(
      'unsupported_language',
      `The model ${id} does not know the language ${options.language}. Leave \`language\` out or use one that \`GET /capabilities\` lists.`,
      { param: 'language' },
    );
  }
  if (!tasks.includes(options.task)) {
    throw new AsrError(
      'unsupported_task',
      `The model ${id} cannot ${options.task}: it knows English only. Use a multilingual Whisper, for example base.`,
      { param: 'task' },
    );
  }
  if (options.wordTimestamps && !alignsWords) {
    const export_ = `onnx-community/${id.replace(/^.*\//, '')}_timestamped`;
    throw new AsrError(
      'word_timestamps_unavailable',
      `This export of ${id} gives no cross-attention, so it has no word times. Serve its export for word times: ${export_}.`,
      { param: 'word_timestamps' },
    );
  }
}
