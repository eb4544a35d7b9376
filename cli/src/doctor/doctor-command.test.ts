import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { run } from '../run.js';
import { TestTerminal } from '../testing/test-terminal.js';
import { type Finding, checkNode } from './checks.js';

const FREE = { API_PORT: '0', WS_PORT: '0', GRPC_PORT: '0', METRICS_PORT: '0' };

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'murmur-doctor-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function doctor(
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly found: ReadonlyMap<string, Finding> }> {
  const terminal = new TestTerminal();
  const status = await run(['doctor', '--json'], { PATH: process.env['PATH'], ...FREE, ...environment }, terminal);
  const { findings } = JSON.parse(terminal.said.out) as { readonly findings: readonly Finding[] };
  return { status, found: new Map(findings.map((finding) => [finding.name, finding])) };
}

/** A server of this machine that answers everything with the same. */
async function answering(t: TestContext, body: string): Promise<string> {
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return String((server.address() as AddressInfo).port);
}

describe('murmur doctor', () => {
  test('has one line for each thing, with a mark, and a status that says whether anything is bad', async () => {
    const terminal = new TestTerminal();
    const status = await run(['doctor'], { PATH: process.env['PATH'], ...FREE }, terminal);
    const lines = terminal.said.out.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => line.slice(6, 13).trim()),
      ['node', 'redis', 'models', 'ffmpeg', 'gpu', 'ports', 'disk'],
    );
    assert.ok(
      lines.every((line) => /^(?:ok {2}|note|BAD ) {2}\w+ +\S/.test(line)),
      terminal.said.out,
    );
    assert.equal(status, lines.some((line) => line.startsWith('BAD')) ? 1 : 0);
  });

  test('names what is wrong with Redis, without its address', async (t) => {
    const nothing = await doctor({ REDIS_URL: 'redis://user:canary@127.0.0.1:9' });
    assert.deepEqual([nothing.status, nothing.found.get('redis')?.state], [1, 'bad']);
    assert.match(nothing.found.get('redis')?.text ?? '', /No Redis answers at 127\.0\.0\.1:9/);
    const port = await answering(t, 'hello');
    const other = (await doctor({ REDIS_URL: `redis://user:canary@127.0.0.1:${port}` })).found.get('redis');
    assert.ok(other?.state === 'bad' && /does not answer as Redis/.test(other.text), other?.text);
    assert.ok(!JSON.stringify([...nothing.found.values(), other]).includes('canary'));
    assert.match((await doctor({ REDIS_URL: 'http://x' })).found.get('redis')?.text ?? '', /is no Redis address/);
  });

  test('says which model files are missing, and whether that can be mended here', async (t) => {
    const empty = await folder(t);
    const missing = (await doctor({ MODEL_CACHE: empty })).found.get('models');
    assert.ok(missing?.state === 'note' && /moonshine-tiny\/encoder_model\.onnx/.test(missing.text), missing?.text);
    const none = (await doctor({ MODEL_PATH: join(empty, 'none') })).found.get('models');
    assert.match(none?.text ?? '', /there is no folder|not in /);
  });

  test('finds a broken ffmpeg and a missing one', async (t) => {
    const path = join(await folder(t), 'ffmpeg');
    await writeFile(path, '#!/bin/sh\nexit 3\n');
    await chmod(path, 0o755);
    const broken = (await doctor({ FFMPEG_PATH: path })).found.get('ffmpeg');
    assert.ok(broken?.state === 'bad' && broken.text.includes('FFMPEG_PATH'), broken?.text);
  });

  test('tells a running cluster from another program at the port', async (t) => {
    const cluster = await answering(t, '{"status":"pass"}');
    assert.match((await doctor({ API_PORT: cluster })).found.get('ports')?.text ?? '', /serves at port/);
    const failing = await answering(t, '{"status":"fail"}');
    assert.equal((await doctor({ API_PORT: failing })).found.get('ports')?.state, 'bad');
    const stranger = await answering(t, 'hello');
    const { status, found } = await doctor({ API_PORT: stranger });
    assert.equal(status, 1);
    assert.match(found.get('ports')?.text ?? '', new RegExp(`Port ${stranger} .*API_PORT`));
  });

  test('knows which versions of Node.js do', () => {
    assert.deepEqual(
      ['18.20.0', '20.18.9', '20.19.0', '24.1.0'].map((version) => checkNode(version).state),
      ['bad', 'bad', 'ok', 'ok'],
    );
  });
});
