import { openSession } from '../open-session.js';
import type { Binding } from '../session.js';
import { float32Tensor } from '../tensor.js';
import { doubling } from './tiny-models.js';

// A process of the telemetry test, given the name of a binding: opens a session, runs it, and ends.
const session = await openSession(doubling(), { device: 'cpu', threads: 1, binding: process.argv[2] as Binding });
await session.run({ x: float32Tensor(new Float32Array(3), [1, 3]) });
await session.close();
