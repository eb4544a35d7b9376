import assert from 'node:assert/strict';
import { request as post } from 'node:http';
import { connect, type ClientHttp2Session, type ClientSessionOptions } from 'node:http2';
import { describe, test, type TestContext } from 'node:test';
import { gzipSync, deflateSync } from 'node:zlib';
import { compressionAlgorithms } from '@grpc/grpc-js';
import { collectGarbage } from '@murmuration/runtime/quiet-memory';
import { testGrpc, type TestGrpc } from '../testing/test-grpc.js';

const CHECK = '/grpc.health.v1.Health/Check';
const REFLECT = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const MIB = 1024 * 1024;

interface Ended {
  readonly status: number;
  readonly message: string;
  readonly bytes: number;
}
interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly open?: boolean;
}

/** A message of protobuf whose one field, number 1, is a string of so many letters. */
function named(letters: number): Buffer {
  const length: number[] = [];
  for (let rest = letters; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), Buffer.alloc(letters, 'a')]);
}

function framed(message: Buffer, compressed: boolean): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(compressed ? 1 : 0, 0);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

/** One call as bytes on the wire, and how it ended. */
function send(
  session: ClientHttp2Session,
  path: string,
  body: Buffer,
  { headers = {}, open = false }: Sent = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers },
      { endStream: false },
    );
    let [status, message, bytes] = [-1, '', 0];
    const told = (received: Readonly<Record<string, unknown>>): void => {
      if (typeof received['grpc-status'] !== 'string' && typeof received['grpc-status'] !== 'number') return;
      [status, message] = [
        Number(received['grpc-status']),
        typeof received['grpc-message'] === 'string' ? received['grpc-message'] : '',
      ];
      // The end is there; a client that would go on sending gives up.
      stream.close();
    };
    stream.on('response', told).on('trailers', told);
    stream.on('data', (data: Buffer) => {
      bytes += data.byteLength;
    });
    stream.on('error', reject);
    stream.on('close', () => {
      resolve({ status, message, bytes });
    });
    stream.write(body);
    if (!open) stream.end();
  });
}

function sessionOf(
  context: TestContext,
  { endpoint }: TestGrpc,
  options: ClientSessionOptions = {},
): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${String(endpoint.port)}`, options);
  // The relay ends it when the test is over.
  session.on('error', () => undefined);
  context.after(() => {
    session.destroy();
  });
  return session;
}

describe('Limits of gRPC requests', { timeout: 120_000 }, () => {
  test('a health check that unfolds to 100 MB ends at once with RESOURCE_EXHAUSTED, and so do many side by side', async (context) => {
    const relay = await testGrpc(context, {}, { acme: ['read'] });
    const session = sessionOf(context, relay);
    const bomb = gzipSync(named(99 * MIB));
    const messages = [
      ['gzip', bomb],
      ['deflate', deflateSync(named(99 * MIB))],
      ['gzip', gzipSync(named(1_100))],
    ] as const;
    // What making them has left behind is the test's own, and goes at some time.
    collectGarbage();
    const before = process.memoryUsage().rss;
    for (const [encoding, message] of messages) {
      const { status, message: sentence } = await send(session, CHECK, framed(message, true), {
        headers: { 'grpc-encoding': encoding },
      });
      assert.equal(status, 8);
      assert.ok(sentence.length < 200, sentence.slice(0, 100));
    }
    const sessions = Array.from({ length: 10 }, () => sessionOf(context, relay));
    const ends = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        send(sessions[at % 10] ?? session, CHECK, framed(bomb, true), {
          headers: { 'grpc-encoding': 'gzip' },
          open: true,
        }),
      ),
    );
    assert.deepEqual(new Set(ends.map(({ status }) => status)), new Set([8]));
    const grownBytes = process.memoryUsage().rss - before;
    assert.ok(grownBytes < 100 * MIB, `the process grew by ${String(Math.round(grownBytes / MIB))} MiB`);
    assert.equal((await send(session, CHECK, framed(Buffer.alloc(0), false))).status, 0);
    assert.equal(
      (await send(session, CHECK, framed(gzipSync(Buffer.alloc(0)), true), { headers: { 'grpc-encoding': 'gzip' } }))
        .status,
      0,
    );
  });

  test('a message is refused on the length that it announces, before its bytes have come', async (context) => {
    const relay = await testGrpc(context, {}, { acme: ['read'] });
    const session = sessionOf(context, relay);
    const announced = Buffer.from([0, 0x06, 0, 0, 0, 0x0a]);
    for (const path of [
      CHECK,
      '/grpc.health.v1.Health/Watch',
      '/grpc.health.v1.Health/List',
      REFLECT,
      '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
    ]) {
      assert.equal((await send(session, path, announced, { open: true })).status, 8, path);
    }
    const headers = { authorization: `Bearer ${relay.keys['acme'] ?? ''}` };
    for (const method of [
      'Jobs/GetJob',
      'Jobs/ListJobs',
      'Jobs/GetJobTranscript',
      'Jobs/WatchJob',
      'Sessions/ListSessions',
      'Sessions/WatchSession',
    ]) {
      assert.equal(
        (await send(session, `/murmuration.v1.${method}`, announced, { open: true, headers })).status,
        8,
        method,
      );
      assert.equal(
        (
          await send(session, `/murmuration.v1.${method}`, framed(gzipSync(named(20 * MIB)), true), {
            open: true,
            headers: { ...headers, 'grpc-encoding': 'gzip' },
          })
        ).status,
        8,
        method,
      );
    }
  });

  test('a recording in one message may have 100 MB, compressed too, and a piece of a streamed one no more than its 4 MiB', async (context) => {
    const relay = await testGrpc(context);
    const { client, transcribe } = relay;
    const large = Buffer.alloc(90 * MIB, '#');
    assert.equal((await client.call('Transcription/Transcribe', { audio: large })).ending.status, 'OK');
    const compressing = relay.connect({ 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    assert.equal((await compressing.call('Transcription/Transcribe', { audio: large })).ending.status, 'OK');
    assert.equal(transcribe.starts.length, 2);
    const talk = compressing.talk('Transcription/StreamingTranscribe');
    talk.say({ config: {} });
    await talk.first('ready');
    talk.say({ audio: Buffer.alloc(50 * MIB) });
    assert.equal((await talk.ending).status, 'RESOURCE_EXHAUSTED');
  });

  test('what a page can post to the port does nothing', async (context) => {
    const relay = await testGrpc(context);
    const posted = (type: string): Promise<string> =>
      new Promise((resolve) => {
        const request = post(
          {
            host: '127.0.0.1',
            port: relay.endpoint.port,
            method: 'POST',
            path: '/murmuration.v1.Jobs/CancelJob',
            headers: { 'content-type': type, origin: 'https://evil.example' },
          },
          (response) => {
            response.resume();
            resolve(String(response.statusCode));
          },
        );
        request.on('error', () => {
          resolve('cut');
        });
        request.end(framed(named(3), false));
      });
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/grpc-web',
      'application/grpc-web-text',
    ])
      assert.match(await posted(type), /^(403|cut)$/, type);
    assert.equal(relay.jobs.submissions.length, 0);
  });

  test('what a client names is not in the sentence of the refusal', async (context) => {
    const relay = await testGrpc(context);
    const session = sessionOf(context, relay);
    const secret = 'canary-name';
    const name = Buffer.concat([Buffer.from([0x0a, secret.length]), Buffer.from(secret)]);
    const ends = [
      await send(session, CHECK, framed(name, false)),
      await send(session, `/${secret}/Check`, framed(name, false)),
      await send(session, CHECK, framed(Buffer.alloc(0), true), { headers: { 'grpc-encoding': secret } }),
      await send(session, CHECK, framed(Buffer.alloc(0), false), { headers: { 'grpc-timeout': secret } }),
    ];
    assert.deepEqual(
      ends.map(({ status }) => status),
      [5, 12, 12, 13],
    );
    for (const { message } of ends) assert.doesNotMatch(decodeURI(message), /canary/);
  });

  test('questions of reflection whose answers nobody reads are not worked on', async (context) => {
    const relay = await testGrpc(context, {}, { acme: ['read'] });
    const session = sessionOf(context, relay, { settings: { initialWindowSize: 0 }, maxSessionMemory: 1_000 });
    const symbol = Buffer.from('murmuration.v1.Transcription');
    const question = framed(Buffer.concat([Buffer.from([0x22, symbol.byteLength]), symbol]), false);
    const flood = Buffer.concat(Array.from({ length: 1_000 }, () => question));
    const before = process.memoryUsage().rss;
    const streams = Array.from({ length: 20 }, () =>
      session.request(
        { ':method': 'POST', ':path': REFLECT, 'content-type': 'application/grpc', te: 'trailers' },
        { endStream: false },
      ),
    );
    for (const stream of streams) {
      stream.on('error', () => undefined);
      for (let times = 0; times < 30; times++) stream.write(flood);
    }
    // Until nothing more of it is taken while other calls are answered.
    const other = sessionOf(context, relay);
    for (let [written, still] = [0, 0]; still < 50; still++) {
      assert.equal((await send(other, CHECK, framed(Buffer.alloc(0), false))).status, 0);
      if (session.socket.bytesWritten !== written) [written, still] = [session.socket.bytesWritten, 0];
    }
    assert.ok(
      session.socket.bytesWritten < 5 * MIB,
      `${String(session.socket.bytesWritten)} bytes of questions were taken`,
    );
    assert.ok(process.memoryUsage().rss - before < 150 * MIB);
  });
});
