import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { audioFile } from './node.js';
import { TestServer, json } from './testing/test-server.js';

const FILE_BYTES = 600_000_000;
/** What the process may grow by while it sends: a small part of the file. */
const MOST_GROWTH_BYTES = 150_000_000;

/** Sends a file twice, once watched, and prints how much the process has grown. */
const SENDER = `
const [, node, url, path] = process.argv;
const { Murmuration, audioFile } = await import(node);
const client = new Murmuration({ baseUrl: url });
const file = await audioFile(path);
const before = process.memoryUsage().rss;
let most = 0;
const timer = setInterval(() => { most = Math.max(most, process.memoryUsage().rss); }, 5);
await client.jobs.create(file);
await client.jobs.create(file, { onUpload: () => undefined });
clearInterval(timer);
console.log(most - before);
`;

describe('A file in Node.js', () => {
  test('Is sent without being held', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'murmuration-client-'));
    t.after(() => rm(folder, { recursive: true }));
    const path = join(folder, 'long.wav');
    await writeFile(path, '');
    await truncate(path, FILE_BYTES);
    const received: number[] = [];
    const server = await TestServer.open(async (_seen, response, request) => {
      let bytes = 0;
      for await (const piece of request as AsyncIterable<Buffer>) bytes += piece.length;
      received.push(bytes);
      json(response, 202, { id: 'j' });
    }, true);
    t.after(() => server.close());
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', SENDER, new URL('node.js', import.meta.url).href, server.url, path],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let out = '';
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
    });
    assert.equal(
      await new Promise((resolve) => {
        child.once('close', resolve);
      }),
      0,
    );
    assert.ok(received.length === 2 && received.every((bytes) => bytes > FILE_BYTES), String(received));
    t.diagnostic(`grew by ${out.trim()} bytes`);
    assert.ok(Number(out) > 0 && Number(out) < MOST_GROWTH_BYTES, out);
  });

  test('Keeps its name, and tells what is the matter when it cannot be read', async () => {
    assert.equal((await audioFile(new URL(import.meta.url).pathname)).name, 'node.test.js');
    await assert.rejects(audioFile(join(tmpdir(), 'there', 'is no such.wav')), { code: 'ENOENT' });
  });
});
