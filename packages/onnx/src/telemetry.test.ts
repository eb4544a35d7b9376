import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('testing/open-session-process.js', import.meta.url));

/** What a process that opens a session leaves in its home folder. */
async function leftBehind(binding: string): Promise<string[]> {
  const home = await mkdtemp(join(tmpdir(), 'murmuration-home-'));
  try {
    // Nothing else of the environment: the runtime keeps quiet by itself where it sees a build server.
    const child = spawn(process.execPath, [PROCESS, binding], {
      env: { HOME: home },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    return (await readdir(home, { recursive: true })).map(String);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const skip = process.platform === 'linux' ? false : 'the runtime keeps its files elsewhere on this system';

for (const binding of ['node', 'native'])
  test(`The binding ${binding} neither reports its use nor writes an id into the home folder`, { skip }, async () => {
    assert.deepEqual(await leftBehind(binding), []);
  });
