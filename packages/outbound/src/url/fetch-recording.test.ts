import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { bytesOf, options, whole } from '../testing/fetching.js';
import { localServer } from '../testing/local-server.js';
import { fetchRecording } from './fetch-recording.js';

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
