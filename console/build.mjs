// Bundles the console into the folder that is named: `node console/build.mjs FOLDER`.
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

setPriority(10);
await build({
  configFile: fileURLToPath(new URL('./vite.config.mjs', import.meta.url)),
  logLevel: 'warn',
  build: { outDir: process.argv[2] ?? 'dist', emptyOutDir: true },
});
