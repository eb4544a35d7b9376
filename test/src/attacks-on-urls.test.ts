import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import type { DeliveryListJson, JobJson } from '@murmuration/contracts';
import { LocalServer, line, requireAlive, tell } from './harness/attack.js';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { samples, wavFile } from './harness/wav.js';

// Attacks 28 to 33 of the project's list. Names that resolve to private addresses and rebinding (30), and receivers that are shown recorded or altered
// messages (34), are tested where the resolver and the receiver are at hand: packages/outbound.
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const CANARY_PHRASE = 'canary phrase of the receiver';

let cluster: Cluster;
let canary: LocalServer;
let front: LocalServer;
let wav: Buffer;

before(async () => {
  const [clip] = await samples();
  assert.ok(clip);
  wav = wavFile(clip.pcm);
  canary = await LocalServer.start();
  front = await LocalServer.start((request, response) => {
    answer(request.url ?? '', response);
  });
  cluster = await Cluster.start({
    api: {
      URL_ALLOWLIST: front.host,
      WEBHOOK_SECRET: SECRET,
      MAX_UPLOAD_BYTES: '2000000',
      UPLOAD_IDLE_TIMEOUT_MS: '1500',
      UPLOAD_TOTAL_TIMEOUT_MS: '20000',
    },
  });
});

afterEach(async () => {
  await requireAlive(cluster);
  assert.equal(canary.connections, 0, 'somebody came to the canary');
});

after(async () => {
  canary.close();
  front.close();
  await cluster.close();
});

/** What the server does that the API node may fetch from, by path. */
const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/speech.wav': (response) => {
    response.writeHead(200, { 'content-type': 'audio/wav' }).end(wav);
  },
  '/endless': (response) => {
    endless(response.writeHead(200, { 'content-type': 'audio/wav' }));
  },
  '/told': (response) => {
    endless(response.writeHead(200, { 'content-length': '2000001' }));
  },
  '/short': (response) => {
    response.writeHead(200, { 'content-length': String(wav.length + 1_000) }).write(wav, () => {
      response.destroy();
    });
  },
  '/slow': (response) => {
    response.write(wav.subarray(0, 100));
  },
  '/playlist.wav': (response) => {
    response.end(`#EXTM3U\n#EXTINF:10,\n${canary.url}/a.ts\n`);
  },
  '/html': (response) => {
    response.end('<html>not audio</html>'.repeat(100));
  },
  '/hook/redirect': (response) => {
    response.writeHead(302, { location: `${canary.url}/` }).end(CANARY_PHRASE);
  },
  '/hook/words': (response) => {
    response.writeHead(500, CANARY_PHRASE, { 'x-words': CANARY_PHRASE }).end(CANARY_PHRASE);
  },
  '/hook/slow': (response) => {
    response.writeHead(200).write(' ');
  },
  '/hook/silent': () => undefined,
};

function answer(path: string, response: ServerResponse): void {
  const hops = /^\/hop\/(\d+)$/.exec(path)?.[1];
  if (hops !== undefined)
    response.writeHead(302, { location: hops === '1' ? '/speech.wav' : `/hop/${String(Number(hops) - 1)}` }).end();
  else if (path.startsWith('/to/')) response.writeHead(307, { location: decodeURIComponent(path.slice(4)) }).end();
  else if (ANSWERS[path] !== undefined) ANSWERS[path](response);
  else response.writeHead(404).end();
}

function endless(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', more);
  response.write(wav.subarray(0, 44));
  more();
}

async function submit(fields: Readonly<Record<string, unknown>>): Promise<string> {
  return line(
    await tell(`${cluster.url}/v1/jobs`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    }),
  );
}

async function json<T>(path: string): Promise<T> {
  return (await (await fetch(`${cluster.url}${path}`)).json()) as T;
}

describe('Attacks by URL', () => {
  test('28: other schemes than http and https are 400', async () => {
    for (const url of [
      'file:///etc/passwd',
      'gopher://a.example/',
      'ftp://a.example/a.wav',
      'data:audio/wav;base64,UklGRg==',
      'concat:a|b',
      'pipe:0',
      'http:',
      '//a.example/a.wav',
      '/etc/passwd',
      'javascript:1',
    ])
      assert.equal(await submit({ url }), '400 url_not_allowed url', url);
  });

  test('29: addresses that are not public are 400 in whatever form they are written', async () => {
    const { port } = new URL(canary.url);
    for (const host of [
      '127.0.0.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:10.0.0.1]',
      '0x7f000001',
      '2130706433',
      '017700000001',
      '127.1',
      '0.0.0.0',
      '[::]',
      '169.254.169.254',
      '100.64.0.1',
      '10.0.0.1',
      '172.16.0.1',
      '192.168.1.1',
      '[fe80::1]',
      '[fd00::1]',
      '168.63.129.16',
    ]) {
      assert.equal(await submit({ url: `http://${host}:${port}/a.wav` }), '400 url_not_allowed url', host);
    }
  });

  test('30: names that lead to private addresses are 400', async () => {
    const { port } = new URL(canary.url);
    for (const host of ['localhost', 'LOCALHOST'])
      assert.equal(await submit({ url: `http://${host}:${port}/a.wav` }), '400 url_not_allowed url', host);
  });

  test('31: redirects are judged each, and five of them are the most', async () => {
    for (const target of [
      `${canary.url}/`,
      'http://localhost:1/',
      'http://169.254.169.254/latest/meta-data/',
      'file:///etc/passwd',
      `http://user:pass@${front.host}/speech.wav`,
    ])
      assert.equal(
        await submit({ url: `${front.url}/to/${encodeURIComponent(target)}` }),
        '400 url_not_allowed url',
        target,
      );
    assert.equal(await submit({ url: `${front.url}/hop/5` }), '202 - -');
    assert.equal(await submit({ url: `${front.url}/hop/20` }), '422 url_unreachable url');
  });

  test('32: bodies without end, cut short, slow or of something else are refused, and credentials are not taken', async () => {
    assert.equal(await submit({ url: `${front.url}/endless` }), '413 file_too_large url');
    assert.equal(await submit({ url: `${front.url}/told` }), '413 file_too_large url');
    assert.equal(await submit({ url: `${front.url}/short` }), '422 url_unreachable url');
    assert.equal(await submit({ url: `${front.url}/slow` }), '422 url_unreachable url');
    assert.equal(await submit({ url: `${front.url}/absent` }), '422 url_unreachable url');
    assert.equal(await submit({ url: `${front.url}/html` }), '422 unprocessable_audio url');
    assert.equal(await submit({ url: `http://user:pass@${front.host}/speech.wav` }), '400 url_not_allowed url');
  });

  test('A playlist behind a URL fetches nothing', async () => {
    assert.equal(await submit({ url: `${front.url}/playlist.wav` }), '422 unprocessable_audio url');
  });

  test('What was refused is no job', async () => {
    const { data } = await json<{ data: JobJson[] }>('/v1/jobs?limit=100');
    assert.deepEqual(
      data.map((job) => job.webhook),
      [null],
    );
  });
});

describe('Attacks by webhook', () => {
  test('33: a webhook to a private address is refused with the submission', async () => {
    for (const url of [
      canary.url,
      'http://[::ffff:10.0.0.1]/',
      'http://169.254.169.254/',
      'ftp://a.example/',
      'https://u:p@a.example/',
    ])
      assert.equal(
        await submit({ url: `${front.url}/speech.wav`, webhook: { url } }),
        '400 url_not_allowed webhook',
        url,
      );
  });

  test('33: a name that leads to a private address is not connected to, a redirect is not followed, nothing that is answered is told, a slow answer is none', async () => {
    const { port } = new URL(canary.url);
    const told = async (url: string): Promise<DeliveryListJson['data'][number]> => {
      const response = await fetch(`${cluster.url}/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ url: `${front.url}/speech.wav`, webhook: { url } }),
      });
      assert.equal(response.status, 202);
      const { id } = (await response.json()) as JobJson;
      let text = '';
      await until(`an attempt at ${url}`, async () => {
        text = await (await fetch(`${cluster.url}/v1/jobs/${id}/deliveries`)).text();
        return ((JSON.parse(text) as DeliveryListJson).data[0]?.attempts.length ?? 0) > 0;
      });
      assert.ok(!text.includes('canary'));
      const [delivery] = (JSON.parse(text) as DeliveryListJson).data;
      assert.ok(delivery);
      return delivery;
    };
    const results = await Promise.all(
      [
        `http://localhost:${port}/`,
        `${front.url}/hook/redirect`,
        `${front.url}/hook/words`,
        `${front.url}/hook/silent`,
      ].map(told),
    );
    assert.deepEqual(
      results.map(({ state, attempts }) => [state, attempts[0]?.status, attempts[0]?.fault]),
      [
        ['pending', null, 'url_not_allowed'],
        ['pending', 302, 'status'],
        ['pending', 500, 'status'],
        ['pending', null, 'timeout'],
      ],
    );
    const silentMs = results[3]?.attempts[0]?.duration_ms ?? 0;
    assert.ok(silentMs >= 9_900 && silentMs < 20_000, String(silentMs));
    const slow = await told(`${front.url}/hook/slow`);
    // Its headers came in time; whether the rest comes does not matter.
    assert.deepEqual([slow.state, slow.attempts[0]?.status], ['delivered', 200]);
    assert.ok(!cluster.api.log.includes(CANARY_PHRASE));
  });
});
