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
