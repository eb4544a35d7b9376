import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Allowlist } from '../guard/allowlist.js';
import { GuardedClient } from '../guard/guarded-client.js';
import type { ResolvedAddress } from '../guard/name-lookup.js';
import { localServer } from '../testing/local-server.js';
import { fetchRecording, type FetchRecordingOptions } from './fetch-recording.js';

type Given = Partial<FetchRecordingOptions> & {
  readonly allow?: string;
  readonly resolve?: (name: string) => Promise<readonly ResolvedAddress[]>;
};

function options(t: TestContext, { allow = '', resolve, ...given }: Given = {}): FetchRecordingOptions {
  const client = new GuardedClient({
    allowlist: Allowlist.parse(allow),
    ...(resolve === undefined ? {} : { resolve }),
  });
  t.after(() => client.close());
  return {
    client,
    maxBytes: 1_000_000,
    idleTimeoutMs: 60_000,
    totalTimeoutMs: 60_000,
    signal: new AbortController().signal,
    ...given,
  };
}

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

async function whole(url: string, given: FetchRecordingOptions): Promise<Buffer> {
  return bytesOf((await fetchRecording(url, given)).source);
}

function resolvingTo(...answers: string[][]): (name: string) => Promise<readonly ResolvedAddress[]> {
  let call = 0;
  return (name) => {
    const addresses = answers[Math.min(call++, answers.length - 1)] ?? [];
    assert.match(name, /\.example$/);
    return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
}

/** Writes and never ends. */
function endless(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', more);
  more();
}

test('A recording comes with its media type and extension, and nothing of ours goes along', async (t) => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
  const seen: NodeJS.Dict<string | string[]>[] = [];
  const { url, host } = await localServer(t, (request, response) => {
    seen.push(request.headers);
    response.writeHead(200, { 'content-type': 'Audio/MPEG; charset=x' }).end(body);
  });
  const recording = await fetchRecording(`${url}/a/b/Talk.MP3?signature=s#part`, options(t, { allow: host }));
  assert.equal(recording.contentType, 'audio/mpeg');
  assert.equal(recording.extension, 'mp3');
  assert.deepEqual(await bytesOf(recording.source), body);
  assert.deepEqual(Object.keys(seen[0] ?? {}).sort(), [
    'accept',
    'accept-encoding',
    'connection',
    'host',
    'user-agent',
  ]);
});

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

test('A body without end is cut at the limit, a length beyond it is refused before the body', async (t) => {
  const { url, host } = await localServer(t, (request, response) => {
    if (request.url === '/told') response.writeHead(200, { 'content-length': '1000001' });
    endless(response);
  });
  const given = options(t, { allow: host });
  await assert.rejects(fetchRecording(`${url}/told`, given), { code: 'file_too_large' });
  const { source } = await fetchRecording(url, given);
  let bytes = 0;
  await assert.rejects(
    async () => {
      for await (const piece of source) bytes += piece.length;
    },
    { code: 'file_too_large', param: 'url' },
  );
  assert.ok(bytes <= 1_000_000);
});

test('A body shorter than its length, a broken one and an empty one are no recording', async (t) => {
  const { url, host } = await localServer(t, (request, response) => {
    if (request.url === '/empty') {
      response.end();
      return;
    }
    if (request.url === '/garbage') {
      response.socket?.end('this is no HTTP');
      return;
    }
    if (request.url === '/both') {
      response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n');
      return;
    }
    if (request.url === '/chunked') response.write('half');
    else response.writeHead(200, { 'content-length': '100' }).write('half');
    setImmediate(() => {
      response.destroy();
    });
  });
  const given = options(t, { allow: host });
  for (const path of ['/short', '/chunked', '/garbage', '/both'])
    await assert.rejects(whole(url + path, given), { code: 'url_unreachable' }, path);
  await assert.rejects(whole(`${url}/empty`, given), { code: 'empty_file' });
});

test('A body longer than its length ends where the length says', async (t) => {
  const { url, host } = await localServer(t, (_request, response) => {
    response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcdefghij');
  });
  assert.equal((await whole(url, options(t, { allow: host }))).toString(), 'abcde');
});

test('Statuses other than success and compressed transfers are refused, without a word of what was answered', async (t) => {
  const { url, host } = await localServer(t, (request, response) => {
    if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end('canary phrase');
    else response.writeHead(Number(request.url?.slice(1)), 'canary phrase').end('canary phrase');
  });
  for (const path of ['/401', '/404', '/500', '/304', '/300', '/gzip']) {
    await assert.rejects(
      fetchRecording(url + path, options(t, { allow: host })),
      (error: Error & { code?: string }) => error.code === 'url_unreachable' && !error.message.includes('canary'),
      path,
    );
  }
});

test('A server that does not answer, stalls or dribbles is left when the time is over', async (t) => {
  const { url, host } = await localServer(t, (request, response) => {
    if (request.url === '/silent') return;
    response.write('x');
    if (request.url === '/stalls') return;
    const timer = setInterval(() => {
      response.write('x');
    }, 5);
    response.on('close', () => {
      clearInterval(timer);
    });
  });
  for (const path of ['/silent', '/stalls', '/dribbles'])
    await assert.rejects(
      whole(url + path, options(t, { allow: host, idleTimeoutMs: 50 })),
      { code: 'url_unreachable' },
      path,
    );
  await assert.rejects(whole(`${url}/dribbles`, options(t, { allow: host, totalTimeoutMs: 50 })), {
    code: 'url_unreachable',
  });
});

test('A caller who gives up ends the transfer at any moment', async (t) => {
  let closed = 0;
  const { url, host } = await localServer(t, (request, response) => {
    response.on('close', () => {
      closed++;
    });
    if (request.url !== '/silent') response.write('x');
  });
  const before = new AbortController();
  before.abort();
  await assert.rejects(fetchRecording(url, options(t, { allow: host, signal: before.signal })), { code: 'cancelled' });
  const during = new AbortController();
  const { source } = await fetchRecording(url, options(t, { allow: host, signal: during.signal }));
  await assert.rejects(
    async () => {
      for await (const piece of source) {
        assert.equal(piece.length, 1);
        during.abort();
      }
    },
    { code: 'cancelled' },
  );
  const unread = new AbortController();
  await fetchRecording(url, options(t, { allow: host, signal: unread.signal }));
  unread.abort();
  const { source: left } = await fetchRecording(url, options(t, { allow: host }));
  for await (const piece of left) {
    assert.equal(piece.length, 1);
    break;
  }
  while (closed < 3)
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
});

test('An address that does not exist or refuses is unreachable', async (t) => {
  const { host } = await localServer(t);
  await assert.rejects(fetchRecording('http://127.0.0.1:1/', options(t, { allow: '127.0.0.1:1' })), {
    code: 'url_unreachable',
  });
  const nowhere = (): Promise<never> => Promise.reject(new Error('getaddrinfo ENOTFOUND'));
  await assert.rejects(fetchRecording('http://absent.example/', options(t, { allow: host, resolve: nowhere })), {
    code: 'url_unreachable',
  });
  await assert.rejects(
    fetchRecording('http://absent.example/', options(t, { allow: host, resolve: () => Promise.resolve([]) })),
    { code: 'url_unreachable' },
  );
});
