import { ExitGate } from '@murmuration/onnx';
import { Transferred, serveThread, threadData } from '@murmuration/runtime';
import type { DetectionThreadData } from '../detect/detection-threads.js';
import { SileroModel } from '../detect/silero-model.js';
import type { LiveEarMethods } from './live-segmenters.js';
import { LiveEarStream } from './live-segmenter-stream.js';

// The thread in which live sessions are decoded and searched for utterances: many, each piece by piece.

// The decoders print what they find wrong with a stream; a log holds nothing of a client's audio.
Object.assign(console, { error: () => undefined, warn: () => undefined });

const { vadModelPath, gate: memory } = threadData() as DetectionThreadData;
const gate = new ExitGate(memory);
const model = await gate.pass(() => SileroModel.open(vadModelPath));
const ears = new Map<number, LiveEarStream>();

function earOf(id: number): LiveEarStream {
  const ear = ears.get(id);
  if (ear === undefined) throw new Error('there is no such ear');
  return ear;
}

const methods: LiveEarMethods = {
  open: ({ ear, settings, state }) => { ears.set(ear, new LiveEarStream(settings, state, model)); },
  hear: async ({ ear, bytes }) => {
    const heard = await gate.pass(() => earOf(ear).hear(bytes));
    return new Transferred(heard, [heard.pcm.buffer]);
  },
  replay: ({ ear, pcm }) => gate.pass(() => earOf(ear).replay(pcm)),
  commit: (ear) => earOf(ear).commit(),
  pause: (ear) => earOf(ear).pause(),
  clear: (ear) => earOf(ear).clear(),
  finish: (ear) => gate.pass(() => earOf(ear).finish()),
  drop: (ear) => { ears.delete(ear); },
};

serveThread(methods);
