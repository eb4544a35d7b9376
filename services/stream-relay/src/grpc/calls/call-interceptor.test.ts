import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadSync } from '@grpc/proto-loader';
import type { ServerInterceptingCallInterface, ServerMethodDefinition } from '@grpc/grpc-js';
import { Metadata, status } from '@grpc/grpc-js';
import { Access } from '@murmuration/access';
import { Metrics, createLogger, NO_TRACING } from '@murmuration/runtime';
import { PROTO_FILES, PROTO_FOLDER } from '../proto/service-definitions.js';
import { testGrpc } from '../testing/test-grpc.js';
import { CallInterceptor } from './call-interceptor.js';

const JOB = '00000000-0000-4000-8000-000000000001';

describe('Calls at the gRPC endpoint', () => {
  test('Without a key, with a wrong one and with half of one every method answers UNAUTHENTICATED in the same words, before a byte is read.', async (context) => {
    const { client, keys, transcribe, jobs, live } = await testGrpc(
      context,
      {},
      { acme: ['transcribe', 'jobs', 'read'] },
    );
    const endings = await Promise.all([
      client.call('Transcription/Transcribe', { audio: Buffer.alloc(1_000_000) }),
      client.call('Transcription/Transcribe', { audio: Buffer.from('a') }, { key: 'murm_wrong' }),
      client.call('Transcription/Transcribe', { audio: Buffer.from('a') }, { key: (keys['acme'] ?? '').slice(0, 20) }),
      client.call('Transcription/TranscribeStream', { audio: Buffer.from('a') }),
      client.upload('Jobs/CreateJob').answer,
      client.call('Jobs/GetJob', { id: JOB }),
      client.call('Jobs/ListJobs', {}),
      client.call('Jobs/CancelJob', { id: JOB }),
      client.call('Jobs/GetJobTranscript', { id: JOB }),
      client.call('Jobs/WatchJob', { id: JOB }),
      client.call('Sessions/ListSessions', {}),
      client.call('Sessions/WatchSession', { session: 's' }),
    ]).then((answers) => answers.map(({ ending }) => ending));
    endings.push(await client.talk('Transcription/StreamingTranscribe').ending);
    assert.deepEqual(
      new Set(endings.map((ending) => JSON.stringify([ending.status, ending.code, ending.message]))).size,
      1,
    );
    assert.deepEqual([endings[0]?.status, endings[0]?.code], ['UNAUTHENTICATED', 'unauthenticated']);
    assert.deepEqual([transcribe.starts.length, jobs.submissions.length, live.sessions.length], [0, 0, 0]);
  });

  test('A key is taken from authorization or x-api-key and may do what its scopes say.', async (context) => {
    const { client, keys } = await testGrpc(context, {}, { reader: ['read'], writer: ['transcribe'] });
    const ask = async (method: string, key: string | undefined, metadata = {}): Promise<string> =>
      (await client.call(method, { audio: Buffer.from('a') }, { ...(key === undefined ? {} : { key }), metadata }))
        .ending.status;
    assert.equal(await ask('Transcription/Transcribe', keys['writer']), 'OK');
    assert.equal(await ask('Transcription/Transcribe', undefined, { 'x-api-key': keys['writer'] }), 'OK');
    assert.equal(await ask('Transcription/Transcribe', keys['reader']), 'PERMISSION_DENIED');
    assert.equal(await ask('Sessions/ListSessions', keys['reader']), 'OK');
    assert.equal(await ask('Sessions/ListSessions', keys['writer']), 'PERMISSION_DENIED');
    assert.equal(
      (await client.upload('Jobs/CreateJob', { key: keys['writer'] ?? '' }).answer).ending.code,
      'permission_denied',
    );
  });

  test("The request id comes back: the client's own where it fits, else a new one, with success and with failure.", async (context) => {
    const { client } = await testGrpc(context);
    const idOf = async (audio: string, id: string): Promise<string | null> =>
      (
        await client.call(
          'Transcription/Transcribe',
          { audio: Buffer.from(audio) },
          { metadata: { 'x-request-id': id } },
        )
      ).ending.requestId;
    assert.equal(await idOf('a', 'mine:1'), 'mine:1');
    assert.equal(await idOf('BAD', 'mine:2'), 'mine:2');
    assert.match((await idOf('a', 'not mine')) ?? '', /^[\da-f-]{36}$/);
  });

  test('A refusal has its code in the trailers, and as google.rpc.Status for clients that read that.', async (context) => {
    const { client } = await testGrpc(context);
    const { ending } = await client.call('Transcription/Transcribe', { audio: Buffer.from('a'), options: { task: 9 } });
    assert.ok(ending.details);
    const rpc = loadSync('google/rpc/details.proto', {
      includeDirs: [new URL('../../../src/grpc/testing/', import.meta.url).pathname],
      longs: Number,
      keepCase: true,
    });
    const decoded = (name: string, bytes: Buffer): Record<string, unknown> =>
      (rpc[`google.rpc.${name}`] as unknown as { deserialize(bytes: Buffer): Record<string, unknown> }).deserialize(
        bytes,
      );
    const told = decoded('Status', ending.details);
    assert.deepEqual([told['code'], told['message']], [status.INVALID_ARGUMENT, ending.message]);
    const [info] = told['details'] as { type_url: string; value: Buffer }[];
    assert.equal(info?.type_url, 'type.googleapis.com/google.rpc.ErrorInfo');
    assert.deepEqual(decoded('ErrorInfo', info.value), {
      reason: 'invalid_field',
      domain: 'murmuration',
      metadata: { param: 'options.task' },
    });
  });

  test('Bytes that are no message are refused as such, also where they are nested without end.', async (context) => {
    const { client, transcribe } = await testGrpc(context);
    for (const bytes of [
      Buffer.from('\u0000\u00ff\u00ffnonsense'),
      Buffer.alloc(1_000_000, 0x0b),
      Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ]) {
      const { ending } = await client.raw('Transcription/Transcribe', bytes);
      assert.deepEqual([ending.status, ending.code], ['INVALID_ARGUMENT', 'invalid_message']);
    }
    assert.equal(transcribe.starts.length, 0);
    assert.equal((await client.call('Transcription/Transcribe', { audio: Buffer.from('a') })).ending.status, 'OK');
  });

  test('A streamed message above its bound is refused.', async (context) => {
    const { client, live } = await testGrpc(context);
    const talk = client.talk('Transcription/StreamingTranscribe');
    talk.say({ config: {} });
    await talk.first('ready');
    talk.say({ audio: Buffer.alloc(4 * 1024 * 1024 + 1) });
    const ending = await talk.ending;
    assert.deepEqual([ending.status, ending.code, ending.param], ['RESOURCE_EXHAUSTED', 'file_too_large', 'audio']);
    assert.equal(live.sessions[0]?.samples, 0);
  });

  test('Calls are counted by method and status, and by nothing that a client may choose.', async (context) => {
    const { client, metrics } = await testGrpc(context);
    await client.call('Transcription/Transcribe', { audio: Buffer.from('BAD') });
    await client.call('Transcription/Transcribe', { audio: Buffer.from('a') });
    const text = await metrics.registry.getSingleMetricAsString('asr_grpc_call_seconds');
    assert.match(text, /asr_grpc_call_seconds_count\{method="Transcription\/Transcribe",code="INVALID_ARGUMENT"\} 1/);
    assert.match(text, /asr_grpc_call_seconds_count\{method="Transcription\/Transcribe",code="OK"\} 1/);
  });

  test('A call whose client set no deadline ends at the bound of its method.', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const interceptor = new CallInterceptor({
      access: new Access(null, {
        put: () => Promise.resolve(),
        read: () => Promise.resolve(null),
        take: () => Promise.resolve(null),
      }),
      stopping: () => false,
      logger: createLogger({ service: 'relay', level: 'silent' }),
      metrics: new Metrics(),
      tracing: NO_TRACING,
    });
    const { path } =
      (
        loadSync(PROTO_FILES, { includeDirs: [PROTO_FOLDER] })['murmuration.v1.Jobs'] as unknown as Record<
          string,
          ServerMethodDefinition<unknown, unknown>
        >
      )['GetJob'] ?? {};
    const metadata = new Metadata();
    const sent: number[] = [];
    const base = {
      start: (listener: { onReceiveMetadata(metadata: Metadata): void }) => {
        listener.onReceiveMetadata(metadata);
      },
      getDeadline: () => Infinity,
      sendStatus: (ended: { code: number }) => {
        sent.push(ended.code);
      },
    } as unknown as ServerInterceptingCallInterface;
    const call = interceptor.interceptor({ path } as ServerMethodDefinition<unknown, unknown>, base);
    await new Promise<void>((resolve) => {
      call.start({
        onReceiveMetadata: () => {
          resolve();
        },
        onReceiveMessage: () => undefined,
        onReceiveHalfClose: () => undefined,
        onCancel: () => undefined,
      });
    });
    context.mock.timers.tick(59_999);
    assert.deepEqual(sent, []);
    context.mock.timers.tick(1);
    assert.deepEqual(sent, [status.DEADLINE_EXCEEDED]);
    assert.equal(interceptor.callOf(metadata).signal.aborted, true);
  });
});
