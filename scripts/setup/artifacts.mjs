/**
 * Files that are taken out of npm packages without installing those: the package would drag in a browser's stack,
 * or is of use for one file only. `member` is the path inside the package's tarball, `place` that under `folder`
 * (`models`: MODEL_CACHE, `web`: .murmuration/web). A missing file of a `required` entry stops the start.
 * `models`: fetched only for these speech models.
 */
export const ARTIFACTS = [
  {
    name: 'speech model (Moonshine tiny)',
    package: '@moonshine-ai/moonshine-js',
    version: '0.1.29',
    licence: 'MIT',
    folder: 'models',
    required: true,
    models: ['moonshine-tiny'],
    files: [
      {
        member: 'package/dist/model/tiny/quantized/encoder_model.onnx',
        place: 'moonshine-tiny/encoder_model.onnx',
        bytes: 7_937_661,
        sha256: 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a',
      },
      {
        member: 'package/dist/model/tiny/quantized/decoder_model_merged.onnx',
        place: 'moonshine-tiny/decoder_model_merged.onnx',
        bytes: 20_243_286,
        sha256: 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367',
      },
    ],
  },
  {
    name: 'speech detector (Silero)',
    package: '@ricky0123/vad-web',
    version: '0.0.31',
    licence: 'ISC, the detector itself MIT',
    folder: 'models',
    required: true,
    files: [
      {
        member: 'package/dist/silero_vad_v5.onnx',
        place: 'silero-vad/silero_vad_v5.onnx',
        bytes: 2_327_524,
        sha256: '2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f',
      },
      {
        member: 'package/dist/silero_vad_v6.onnx',
        place: 'silero-vad/silero_vad_v6.onnx',
        bytes: 2_327_524,
        sha256: '1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3',
      },
    ],
  },
  {
    name: 'API reference page (Redoc)',
    package: 'redoc',
    version: '2.5.4',
    licence: 'MIT',
    folder: 'web',
    required: false,
    files: [
      {
        member: 'package/bundles/redoc.standalone.js',
        place: 'redoc.standalone.js',
        bytes: 1_103_471,
        sha256: 'dcaf76612bc4a3fbcc923a8966dee2f6146a5f32e5ce1b6f02dd60cbbf89500b',
      },
    ],
  },
];
