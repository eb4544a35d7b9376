import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { NameLookup } from './name-lookup.js';

/** A name server that never answers. */
async function silentServer(t: TestContext): Promise<{ readonly address: string; readonly asked: () => number }> {
  const socket = createSocket('udp4');
  let asked = 0;
  socket.on('message', () => {
    asked++;
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      resolve();
    });
  });
  t.after(() => {
    socket.close();
  });
  return { address: `127.0.0.1:${String(socket.address().port)}`, asked: () => asked };
}

test(
  'Name servers that never answer end a look-up, and hold up no other of the process',
  { timeout: 60_000 },
  async (t) => {
    const server = await silentServer(t);
    const names = new NameLookup([server.address]);
    const stuck = Promise.allSettled(Array.from({ length: 50 }, (_, at) => names.resolve(`slow${String(at)}.example`)));
    // The system's look-ups and the files have their threads to themselves.
    assert.equal((await lookup('127.0.0.1')).address, '127.0.0.1');
    assert.ok((await readFile(new URL(import.meta.url))).byteLength > 0);
    assert.ok((await names.resolve('localhost')).some(({ address }) => address === '127.0.0.1'));
    const ends = await stuck;
    assert.ok(ends.every((end) => end.status === 'rejected'));
    assert.ok(server.asked() > 0);
  },
);

test('The hosts file is read first, and one look-up serves all who ask for a name meanwhile', async (t) => {
  const server = await silentServer(t);
  const names = new NameLookup([server.address]);
  const hosts = (await readFile('/etc/hosts', 'utf8'))
    .split('\n')
    .map((line) => line.split('#')[0]?.trim().split(/\s+/) ?? [])
    .find(([address, name]) => address !== undefined && name !== undefined && address !== '');
  if (hosts !== undefined) assert.ok((await names.resolve(hosts[1] ?? '')).some(({ address }) => address === hosts[0]));
  assert.equal(names.resolve('same.example'), names.resolve('same.example'));
  await assert.rejects(names.resolve('same.example'));
});
