import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { ROOT } from '../setup/paths.mjs';

/** Threads of which a service has several; each loads its modules anew. */
const THREADS = [
  'packages/audio/src/live/live-segmenter-thread.ts',
  'packages/audio/src/reader/reader-thread.ts',
  'packages/audio/src/decode/wasm-decoder-thread.ts',
];

for (const thread of THREADS)
  test(`${thread} loads none of the large libraries that the services need`, async () => {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: [join(ROOT, thread)],
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
      outdir: 'none',
      metafile: true,
      external: ['*.node'],
    });
    const libraries = new Set(
      Object.keys(metafile.inputs).flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []),
    );
    // 12 MB a thread for zod alone.
    for (const large of ['zod', 'pino', 'prom-client', '@opentelemetry/api', 'bullmq', 'fastify'])
      assert.ok(!libraries.has(large), `${large} is loaded: import from a subpath of the package instead of its index`);
  });
