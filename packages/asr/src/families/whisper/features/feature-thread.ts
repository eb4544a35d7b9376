import { serveThread, threadData, Transferred } from '@murmuration/runtime/thread';
import { LogMelExtractor, type LogMel } from './log-mel.js';

/** What a thread of features serves. */
export type FeatureMethods = {
  /** @param pcm mono, 16 kHz, [-1, 1] */
  extract(pcm: Float32Array): Transferred<LogMel>;
};

// A worker thread that computes features: one chunk at a time, in the order in which they come.
const extractor = new LogMelExtractor(threadData() as number);
serveThread({
  extract: (pcm) => {
    const mel = extractor.extract(pcm);
    return new Transferred(mel, [mel.values.buffer as ArrayBuffer]);
  },
} satisfies FeatureMethods);
