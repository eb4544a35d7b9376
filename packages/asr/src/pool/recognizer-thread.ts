import { serveThread, threadData } from '@murmuration/runtime';
import { loadRecognizer } from '../families/registry.js';
import { ExitGate } from '@murmuration/onnx';
import type { ThreadStart } from './pool-session.js';
import { sessionMethods } from './session-methods.js';

// A worker thread with one model: it serves once that is loaded, and ends with the loading's error when it cannot be.
const { options, gate: memory } = threadData() as ThreadStart;
const gate = new ExitGate(memory);
serveThread(sessionMethods(await gate.pass(() => loadRecognizer(options)), gate));
