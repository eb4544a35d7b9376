/** Everything in which one Whisper's graphs differ from another's. Feed-forward layers are four times as wide as the model. */
export interface WhisperShape {
  readonly width: number;
  readonly heads: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly mels: number;
  /** 51,864: English alone; 51,865: 99 languages; 51,866: 100 of them. */
  readonly vocabulary: number;
}

const shape = (
  width: number,
  encoderLayers: number,
  decoderLayers: number,
  mels: number,
  vocabulary: number,
): WhisperShape => ({
  width,
  heads: width / 64,
  encoderLayers,
  decoderLayers,
  mels,
  vocabulary,
});

/** The published ones by name. Source: config.json of openai/whisper-* and distil-whisper/distil-* on the hub. */
export const WHISPER_SHAPES: Readonly<Record<string, WhisperShape>> = {
  tiny: shape(384, 4, 4, 80, 51_865),
  'tiny.en': shape(384, 4, 4, 80, 51_864),
  base: shape(512, 6, 6, 80, 51_865),
  'base.en': shape(512, 6, 6, 80, 51_864),
  small: shape(768, 12, 12, 80, 51_865),
  'small.en': shape(768, 12, 12, 80, 51_864),
  medium: shape(1_024, 24, 24, 80, 51_865),
  'medium.en': shape(1_024, 24, 24, 80, 51_864),
  'large-v1': shape(1_280, 32, 32, 80, 51_865),
  'large-v2': shape(1_280, 32, 32, 80, 51_865),
  'large-v3': shape(1_280, 32, 32, 128, 51_866),
  'large-v3-turbo': shape(1_280, 32, 4, 128, 51_866),
  'distil-small.en': shape(768, 12, 4, 80, 51_864),
  'distil-medium.en': shape(1_024, 24, 2, 80, 51_864),
  'distil-large-v2': shape(1_280, 32, 2, 80, 51_865),
  'distil-large-v3': shape(1_280, 32, 2, 128, 51_866),
  'distil-large-v3.5': shape(1_280, 32, 2, 128, 51_866),
};
