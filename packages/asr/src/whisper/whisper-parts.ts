import type { WhisperDtype } from './model/model-folder.js';
import type { SpeechModel } from './model/speech-model.js';
import type { Vocabulary } from './model/vocabulary.js';
import type { WhisperSettings } from './model/whisper-settings.js';

/** What a loaded Whisper is made of. */
export interface WhisperParts {
  readonly settings: WhisperSettings;
  readonly vocabulary: Vocabulary;
  readonly model: SpeechModel;
  readonly dtype: WhisperDtype;
}
