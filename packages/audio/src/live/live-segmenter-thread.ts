import { ExitGate } from '@murmuration/onnx';
import { shrinkWhenQuiet } from '@murmuration/runtime/quiet-memory';
import { Transferred, serveThread, threadData } from '@murmuration/runtime/thread';
import type { DetectionThreadData } from '../detect/detection-threads.js';
import { SileroModel } from '../detect/silero-model.js';
import type { LiveSegmenterMethods } from './live-segmenters.js';
import { LiveSegmenterStream } from './live-segmenter-stream.js';

// The thread in which live sessions are decoded and searched for utterances: many, each piece by piece.

// The decoders print what they find wrong with a stream; a log holds nothing of a client's audio.
Object.assign(console, { error: () => undefined, warn: () => undefined });

const { vadModelPath, gate: memory } = threadData() as DetectionThreadData;
const gate = new ExitGate(memory);
const model = await gate.pass(() => SileroModel.open(vadModelPath));
const segmenters = new Map<number, LiveSegmenterStream>();

function segmenterOf(id: number): LiveSegmenterStream {
  const segmenter = segmenters.get(id);
  if (segmenter === undefined) throw new Error('there is no such segmenter');
  return segmenter;
}

const methods: LiveSegmenterMethods = {
  open: ({ segmenter, settings, state }) => {
    segmenters.set(segmenter, new LiveSegmenterStream(settings, state, model));
  },
  push: async ({ segmenter, bytes }) => {
    const heard = await gate.pass(() => segmenterOf(segmenter).push(bytes));
    return new Transferred(heard, [heard.pcm.buffer]);
  },
  replay: ({ segmenter, pcm }) => gate.pass(() => segmenterOf(segmenter).replay(pcm)),
  commit: (segmenter) => segmenterOf(segmenter).commit(),
  pause: (segmenter) => segmenterOf(segmenter).pause(),
  clear: (segmenter) => segmenterOf(segmenter).clear(),
  finish: (segmenter) => gate.pass(() => segmenterOf(segmenter).finish()),
  drop: (segmenter) => {
    segmenters.delete(segmenter);
  },
};

shrinkWhenQuiet();
serveThread(methods);
