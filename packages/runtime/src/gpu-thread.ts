import { graphics } from 'systeminformation';
import type { GpuThreadMethods } from './gpu.js';
import { serveThread } from './thread.js';

const methods: GpuThreadMethods = {
  controllers: async () => (await graphics()).controllers,
};
serveThread(methods);
