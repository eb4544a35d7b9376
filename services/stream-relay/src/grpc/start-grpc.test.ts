import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  loadPackageDefinition,
  credentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import descriptor, { type IFileDescriptorProto } from 'protobufjs/ext/descriptor/index.js';
import { testGrpc } from './testing/test-grpc.js';

interface HealthClient extends Client {
  check(
    request: { readonly service: string },
    callback: (error: ServiceError | null, answer?: { readonly status: string }) => void,
  ): void;
  watch(request: { readonly service: string }): ClientReadableStream<{ readonly status: string }>;
}
interface ReflectionClient extends Client {
  serverReflectionInfo(): ClientDuplexStream<object, ReflectionAnswer>;
}
interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
}

function clientOf(file: string, path: readonly string[], address: string): Client {
  let inner: unknown = loadPackageDefinition(loadSync(file, { enums: String, defaults: false }));
  for (const name of path) inner = (inner as Record<string, unknown>)[name];
  return new (inner as ServiceClientConstructor)(address, credentials.createInsecure());
}

describe('The gRPC server', () => {
  test('Health answers for the server and each service, without a key, and NOT_SERVING once the relay stops.', async (context) => {
    const { endpoint, ...relay } = await testGrpc(context, {}, { acme: ['read'] });
    const health = clientOf(
      protoPath,
      ['grpc', 'health', 'v1', 'Health'],
      `127.0.0.1:${String(endpoint.port)}`,
    ) as HealthClient;
    context.after(() => {
      health.close();
    });
    const check = (service: string): Promise<string> =>
      new Promise((resolve) => {
        health.check({ service }, (error, answer) => {
          resolve(error?.details ?? answer?.status ?? '');
        });
      });
    for (const service of ['', 'murmuration.v1.Transcription', 'murmuration.v1.Jobs', 'murmuration.v1.Sessions'])
      assert.equal(await check(service), 'SERVING');
    assert.match(await check('nobody'), /unknown/);
    const seen: string[] = [];
    const watching = health.watch({ service: '' });
    watching.on('error', () => undefined);
    const stopped = new Promise<void>((resolve) => {
      watching.on('data', ({ status }: { readonly status: string }) => {
        seen.push(status);
        if (seen.length === 1) relay.drain();
        else resolve();
      });
    });
    await stopped;
    assert.deepEqual(seen, ['SERVING', 'NOT_SERVING']);
    // A watcher of health does not keep a relay from its end.
    await endpoint.close(60_000);
  });

  test('Reflection lists the services and describes them with the names of the files and what is optional.', async (context) => {
    const { endpoint } = await testGrpc(context, {}, { acme: ['read'] });
    const file = new URL('../proto/grpc/reflection/v1/reflection.proto', import.meta.resolve('@grpc/reflection'))
      .pathname;
    const reflection = clientOf(
      file,
      ['grpc', 'reflection', 'v1', 'ServerReflection'],
      `127.0.0.1:${String(endpoint.port)}`,
    ) as ReflectionClient;
    context.after(() => {
      reflection.close();
    });
    const stream = reflection.serverReflectionInfo();
    const ask = (request: object): Promise<ReflectionAnswer> =>
      new Promise((resolve) => {
        stream.once('data', resolve);
        stream.write(request);
      });
    const services = (await ask({ listServices: '' })).listServicesResponse?.service.map(({ name }) => name).sort();
    assert.deepEqual(services, [
      'grpc.health.v1.Health',
      'murmuration.v1.Jobs',
      'murmuration.v1.Sessions',
      'murmuration.v1.Transcription',
    ]);
    const answer = await ask({ fileContainingSymbol: 'murmuration.v1.DetectOptions' });
    const ended = new Promise((resolve) => {
      stream.once('end', resolve);
    });
    stream.end();
    await ended;
    const described =
      answer.fileDescriptorResponse?.fileDescriptorProto.map(
        (bytes) => descriptor.FileDescriptorProto.decode(bytes) as IFileDescriptorProto,
      ) ?? [];
    const detect = described.flatMap((one) => one.messageType ?? []).find(({ name }) => name === 'DetectOptions');
    assert.deepEqual(
      detect?.field?.map((field) => [field.name, (field as { proto3Optional?: boolean }).proto3Optional]),
      ['vad', 'threshold', 'min_speech_ms', 'min_silence_ms', 'padding_ms', 'gate_rms', 'gate_zero_crossings'].map(
        (name) => [name, true],
      ),
    );
    assert.equal(detect.field[2]?.jsonName, 'minSpeechMs');
  });

  test('A port that another program has is told as such.', async (context) => {
    const { endpoint } = await testGrpc(context);
    await assert.rejects(testGrpc(context, { GRPC_PORT: String(endpoint.port) }), { code: 'EADDRINUSE' });
  });

  test('lets calls in progress finish while the relay closes, and ends what is left with shutting_down', async (context) => {
    const { endpoint, client, transcribe, ...relay } = await testGrpc(context);
    let release: () => void = () => undefined;
    transcribe.gate = new Promise((resolve) => {
      release = resolve;
    });
    const finishing = client.call('Transcription/Transcribe', { audio: Buffer.from('a') });
    await transcribe.until(() => transcribe.starts.length === 1);
    relay.drain();
    const closed = endpoint.close(60_000);
    release();
    assert.equal((await finishing).ending.status, 'OK');
    await closed;
    const other = await testGrpc(context);
    other.transcribe.gate = new Promise(() => undefined);
    const left = other.client.call('Transcription/Transcribe', { audio: Buffer.from('a') });
    await other.transcribe.until(() => other.transcribe.starts.length === 1);
    await other.endpoint.close(1_100);
    const { ending } = await left;
    assert.deepEqual([ending.status, ending.code], ['UNAVAILABLE', 'shutting_down']);
  });
});
