// Bundles the console into the folder that is named: `node console/build.mjs FOLDER`.
import { getPriority, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

// Who runs at a lower priority already may not raise it.
if (getPriority() < 10) setPriority(10);
await build({
  configFile: fileURLToPath(new URL('./vite.config.mjs', import.meta.url)),
  logLevel: 'warn',
  build: { outDir: process.argv[2] ?? 'dist', emptyOutDir: true },
});
