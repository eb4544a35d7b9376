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

/** Everything in which one Moonshine's graphs differ from another's. Feed-forward layers are four times as wide as the model. */
export interface MoonshineShape {
  readonly width: number;
  readonly heads: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  /** Of each head's width, the part that is turned by its position. */
  readonly turned: number;
  readonly vocabulary: number;
}

/** The published ones by name. Source: config.json of UsefulSensors/moonshine-* on the hub (0.9 of 36 and 0.62 of 52 are turned, in whole pairs). */
export const MOONSHINE_SHAPES: Readonly<Record<string, MoonshineShape>> = {
  'moonshine-tiny': { width: 288, heads: 8, encoderLayers: 6, decoderLayers: 6, turned: 32, vocabulary: 32_768 },
  'moonshine-base': { width: 416, heads: 8, encoderLayers: 8, decoderLayers: 8, turned: 32, vocabulary: 32_768 },
};
