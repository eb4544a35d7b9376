import { collectGarbage } from '@murmuration/runtime/quiet-memory';
import { shrinkWhenQuiet } from '@murmuration/runtime/quiet-memory';
import { serveThread, threadData } from '@murmuration/runtime/thread';
import { loadRecognizer } from '../families/registry.js';
import { ExitGate } from '@murmuration/onnx';
import type { ThreadStart } from './pool-session.js';
import { sessionMethods, type Rehearsal } from './session-methods.js';

// A worker thread with one model: it serves once that is loaded, and ends with the loading's error when it cannot be.
const { options, gate: memory } = threadData() as ThreadStart;
const gate = new ExitGate(memory);
const methods = sessionMethods(await gate.pass(() => loadRecognizer(options)), gate, options);
// Files, rewritten graphs and the largest batches of warm-up lie outside V8's heap: 90 MB of Moonshine tiny, 190 MB of Whisper tiny.en.
collectGarbage();
shrinkWhenQuiet();
serveThread({
  ...methods,
  rehearse: async (shape: Rehearsal) => {
    const times = await methods.rehearse(shape);
    collectGarbage();
    return times;
  },
});
