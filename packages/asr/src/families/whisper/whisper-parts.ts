import type { ChunkPolicy, ModelDescription } from '@murmuration/contracts';
import { SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import { WINDOW_GRID_MS } from './features/log-mel.js';
import type { WhisperDtype } from '../../models/model-folder.js';
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

/**
 * How recordings are cut for Whisper. Every window holds some seconds of silence beside its speech (30 s in all where the encoder takes no other),
 * so a full chunk costs least for its speech: utterances are packed whatever the pause between them, as long as they fit. From 26 s on the next pause ends a chunk; four seconds are left to find one before a forced cut.
 */
const WHISPER_CHUNK_POLICY: ChunkPolicy = {
  sampleRateHz: SAMPLE_RATE_HZ,
  maxChunkMs: 30_000,
  targetChunkMs: 26_000,
  packGapMs: 60_000,
  gridMs: 30_000,
  overlapMs: 1_000,
};

/** What a loaded Whisper is and can do. */
export function describeWhisper(id: string, { vocabulary, model, dtype }: WhisperParts): ModelDescription {
  return {
    id,
    slug:
      id
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-+|-+$/g, '') || 'whisper',
    family: 'whisper',
    languages: [...vocabulary.languages.keys()].sort(),
    tasks: vocabulary.multilingual ? ['transcribe', 'translate'] : ['transcribe'],
    wordTimes: model.attentionLayers.size > 0 ? 'aligned' : 'none',
    detectsLanguage: vocabulary.multilingual,
    dtype,
    chunkPolicy: model.shortWindows ? { ...WHISPER_CHUNK_POLICY, gridMs: WINDOW_GRID_MS } : WHISPER_CHUNK_POLICY,
  };
}
