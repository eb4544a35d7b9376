/**
 * What set-up fetches for voice detection: one model. Version 6 and not 5: on recordings of noise, thunder, a dog, babble and an empty room (36 s) it finds
 * no utterance, version 5 finds one of 0.16 s; both find the speech of every clip that has some. Against
 * it: on two speech clips it reports up to 0.4 s at the end that version 5 leaves out. Default settings; few clips, and the same ones the tests use.
 */
export const vadModelFiles = [{
  /** Where it lies in the model cache. */
  place: 'silero-vad/silero_vad_v6.onnx',
  /** npm package whose tarball holds it (the model itself: Silero VAD, MIT). */
  npmPackage: '@ricky0123/vad-web',
  npmVersion: '0.0.31',
  /** Path inside the tarball. */
  member: 'package/dist/silero_vad_v6.onnx',
  bytes: 2_327_524,
  sha256: '1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3',
}] as const;
