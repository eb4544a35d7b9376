import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../setup/paths.mjs';
import { SetupError } from '../setup/setup-error.mjs';

/** The description that a compiled HTTP service gives of itself; it is started for that, and needs no Redis. Throws a `SetupError` with its last line when it does not start. */
export async function describedApi() {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-docs-'));
  const service = spawn(process.execPath, [join(ROOT, 'services', 'api', 'dist', 'main.js')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH ?? '',
      REDIS_URL: 'redis://127.0.0.1:1',
      API_PORT: '0',
      METRICS_PORT: '0',
      SPOOL_DIR: join(folder, 'spool'),
      AUDIO_STORE_DIR: join(folder, 'audio'),
    },
  });
  try {
    let last = '';
    for await (const line of createInterface({ input: service.stdout })) {
      last = line;
      const { msg, port } = JSON.parse(line);
      if (msg !== 'ready') continue;
      return await (await fetch(`http://127.0.0.1:${String(port)}/openapi.json`)).json();
    }
    throw new SetupError(`The HTTP service, whose description the site holds, does not start: ${last}`);
  } finally {
    service.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
