import { execFile } from 'node:child_process';
import { graphics } from 'systeminformation';
import type { GpuThreadMethods } from './gpu.js';
import { serveThread } from './thread.js';

/** The driver wakes a card that sleeps before it answers. Milliseconds. */
const LIST_LIMIT_MS = 5_000;

const methods: GpuThreadMethods = {
  controllers: async () => (await graphics()).controllers,
  list: () =>
    new Promise((resolve) => {
      execFile('nvidia-smi', ['-L'], { timeout: LIST_LIMIT_MS, windowsHide: true }, (error, stdout) => {
        resolve(error === null ? stdout : '');
      });
    }),
};
serveThread(methods);
