import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import type { ResolvedAddress } from '../guard/name-lookup.js';
import { bytesOf, options, whole } from '../testing/fetching.js';
import { localServer } from '../testing/local-server.js';
import { fetchRecording } from './fetch-recording.js';

function resolvingTo(...answers: string[][]): (name: string) => Promise<readonly ResolvedAddress[]> {
  let call = 0;
  return (name) => {
    const addresses = answers[Math.min(call++, answers.length - 1)] ?? [];
    assert.match(name, /\.example$/);
    return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
}

test('Other schemes, unreadable URLs and credentials are refused', async (t) => {
  const { host, connections } = await localServer(t);
  for (const url of [
    'file:///etc/passwd',
    'gopher://x.example/',
    'ftp://x.example/a.wav',
    'data:audio/wav,x',
    'javascript:1',
    'x.wav',
    '//x.example/',
    '',
    'http://',
    `http://user:pass@${host}/`,
    `http://user@${host}/`,
    `http://${host}/${'a'.repeat(9_000)}`,
    'http://[fe80::1%25eth0]/',
  ]) {
    await assert.rejects(
      fetchRecording(url, options(t, { allow: host })),
      { code: 'url_not_allowed', param: 'url' },
      url,
    );
  }
  assert.equal(connections(), 0);
});

test('Addresses that are not public are refused in whatever form they are written, and nothing is connected to', async (t) => {
  const { port, connections } = await localServer(t);
  for (const host of [
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '①②⑦.0.0.1',
    '10.0.0.1',
    '[::ffff:10.0.0.1]',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '192.168.0.1',
    '172.16.0.1',
    '224.0.0.1',
    'localhost',
  ]) {
    await assert.rejects(
      fetchRecording(`http://${host}:${String(port)}/`, options(t)),
      { code: 'url_not_allowed' },
      host,
    );
  }
  assert.equal(connections(), 0);
});

test('A public name that resolves to a private address, also among public ones, is refused', async (t) => {
  const { port, connections } = await localServer(t);
  for (const addresses of [
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['93.184.216.34', '127.0.0.1'],
    ['2606:4700::1', '::1'],
  ]) {
    await assert.rejects(
      fetchRecording(`http://files.example:${String(port)}/`, options(t, { resolve: resolvingTo(addresses) })),
      { code: 'url_not_allowed' },
    );
  }
  assert.equal(connections(), 0);
});

test('A name that is rebound between calls is judged at each: the first answer lets in, the second does not', async (t) => {
  const allowed = await localServer(t, (_request, response) => {
    response.setHeader('connection', 'close').end('x');
  });
  let lookups = 0;
  const rebinding = resolvingTo(['127.0.0.1'], ['127.0.0.2']);
  const given = options(t, {
    allow: `127.0.0.1:${String(allowed.port)}`,
    resolve: (name) => {
      lookups++;
      return rebinding(name);
    },
  });
  const url = `http://rebound.example:${String(allowed.port)}/`;
  assert.equal((await whole(url, given)).toString(), 'x');
  assert.equal(lookups, 1, 'judging and connecting must share one answer');
  await assert.rejects(fetchRecording(url, given), { code: 'url_not_allowed' });
  assert.equal(allowed.connections(), 1);
});

test('A redirect to what may not be reached is refused before it is connected to', async (t) => {
  const canary = await localServer(t);
  const targets = [
    `${canary.url}/`,
    `http://private.example:${String(canary.port)}/`,
    `http://[::ffff:7f00:1]:${String(canary.port)}/`,
    'file:///etc/passwd',
    `http://u:p@${canary.host}/`,
  ];
  let target = '';
  const front = await localServer(t, (_request, response) => {
    response.writeHead(302, { location: target }).end();
  });
  for (target of targets) {
    await assert.rejects(
      fetchRecording(front.url, options(t, { allow: front.host, resolve: resolvingTo(['127.0.0.1']) })),
      { code: 'url_not_allowed' },
      target,
    );
  }
  assert.equal(canary.connections(), 0);
});

test('Five redirects are followed, relative ones and to other hosts too; the sixth ends it', async (t) => {
  const seen: string[] = [];
  const hop: RequestListener = (request, response) => {
    seen.push(`${String(request.headers.host)}${String(request.url)}`);
    const left = Number(request.url?.slice(1).split('.')[0]);
    if (left === 0) response.end('there');
    else
      response
        .writeHead([301, 302, 303, 307, 308][left % 5] ?? 302, {
          location: left === 3 ? `http://other.example:${String(port)}/2.wav` : `${String(left - 1)}.wav`,
        })
        .end('gone away');
  };
  const { host, port, url } = await localServer(t, hop);
  const given = options(t, { allow: host, resolve: resolvingTo(['127.0.0.1']) });
  const recording = await fetchRecording(`${url}/5`, given);
  assert.equal((await bytesOf(recording.source)).toString(), 'there');
  assert.equal(recording.extension, 'wav');
  assert.deepEqual(
    seen.slice(-3),
    ['2.wav', '1.wav', '0.wav'].map((path) => `other.example:${String(port)}/${path}`),
  );
  await assert.rejects(fetchRecording(`${url}/20`, given), { code: 'url_unreachable' });
  assert.equal(seen.length, 12);
});
