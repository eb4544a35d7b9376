import { fileURLToPath } from 'node:url';
import tailwind from '@tailwindcss/vite';
import { defineConfig } from 'vite';

const source = (name) => fileURLToPath(new URL(`../packages/${name}/src/index.ts`, import.meta.url));

// Sources, not what is compiled of them: the console is built beside the compiler.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [tailwind()],
  resolve: {
    alias: {
      '@murmuration/client': source('client'),
      '@murmuration/contracts': source('contracts'),
      '@murmuration/transcript': source('transcript'),
    },
  },
  build: {
    target: 'es2023',
    // The policy of the page lets nothing in that is no file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
  },
  // `npx vite console` while one works on it: requests go to a server that runs.
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/transcribe', '/capabilities', '/sessions', '/health', '/ws'].map((path) => [
        path,
        { target: 'http://127.0.0.1:8000', ws: path === '/ws' },
      ]),
    ),
  },
});
