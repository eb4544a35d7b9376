import { serveThread } from '@murmuration/runtime/thread';
import { sessionMethods, type SessionMethods } from '../pool/session-methods.js';
import { SimulatedRecognizer } from '../families/simulated/simulated-recognizer.js';
import { ExitGate } from '@murmuration/onnx';

// A session's thread that ends in the middle of its first batch, as one does that is out of heap.
const methods: SessionMethods = {
  ...sessionMethods(new SimulatedRecognizer({ id: 'dying', slug: 'dying' }), new ExitGate(), {
    device: 'simulated',
    threads: 1,
  }),
  recognize: () => process.exit(9),
};
serveThread(methods);
