import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { GrpcClient } from '@murmuration/stream-relay/testing';
import { Cluster } from './harness/cluster.js';
import { TraceCollector, type CollectedSpan } from './harness/trace-collector.js';
import { WebhookReceiver } from './harness/webhook-receiver.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

let collector: TraceCollector;
let receiver: WebhookReceiver;
let cluster: Cluster;
let pcm: Int16Array;
let wav: Buffer;
let said: readonly string[];

before(
  async () => {
    collector = await TraceCollector.start();
    receiver = await WebhookReceiver.start(SECRET);
    const clips = await samples();
    said = clips.map((clip) => clip.said);
    pcm = joined(
      clips.map((clip) => clip.pcm),
      900,
    );
    wav = wavFile(pcm);
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: '100' };
    // Relays send webhooks, too.
    const node = { ...traced, WEBHOOK_SECRET: SECRET, URL_ALLOWLIST: new URL(receiver.url).host };
    cluster = await Cluster.start({
      relays: 1,
      api: node,
      relay: node,
      worker: traced,
    });
  },
  { timeout: 700_000 },
);

after(async () => {
  await cluster.close();
  await receiver.close();
  await collector.close();
});

/** A client's place in a trace: the header, and the ids in it. */
function place(): { readonly traceparent: string; readonly traceId: string; readonly spanId: string } {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceparent: `00-${traceId}-${spanId}-01`, traceId, spanId };
}

function form(fields: Readonly<Record<string, string>> = {}): FormData {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('file', new Blob([new Uint8Array(wav)]), 'canaryname.wav');
  return body;
}

function named(spans: readonly CollectedSpan[], traceId: string, name: string): CollectedSpan[] {
  return spans.filter((span) => span.traceId === traceId && span.name === name);
}

function one(spans: readonly CollectedSpan[], traceId: string, name: string): CollectedSpan {
  const found = named(spans, traceId, name);
  assert.equal(found.length, 1, `${name}: ${String(found.length)}`);
  return found[0] as CollectedSpan;
}

/** Checks the spans of the items below `parent`: every one waits, runs in a batch that points at it, and is stored. Returns seconds of audio. */
function checkItems(spans: readonly CollectedSpan[], traceId: string, parent: CollectedSpan, lane: string): number {
  const items = named(spans, traceId, 'transcribe');
  assert.ok(items.length > 0);
  const batches = spans.filter(({ name }) => name === 'batch');
  for (const item of items) {
    assert.equal(item.parentSpanId, parent.spanId);
    assert.equal(item.service, 'murmuration-worker');
    const { attributes } = item;
    assert.deepEqual(
      [attributes['murmuration.lane'], attributes['murmuration.result.empty'], attributes['murmuration.attempt']],
      [lane, false, 1],
    );
    assert.ok(String(attributes['murmuration.model']).includes('moonshine'));
    assert.ok(Number(attributes['murmuration.queue.seconds']) >= 0);
    const batch = batches.find(({ links }) => links.some(({ spanId }) => spanId === item.spanId));
    assert.ok(batch !== undefined, 'a batch points at its member');
    assert.equal(batch.links.length, batch.attributes['murmuration.batch.rows']);
    assert.ok(item.links.some(({ spanId }) => spanId === batch.spanId) && batch.startMs <= item.endMs);
    const queue = named(spans, traceId, 'queue').find(
      (span) => span.attributes['murmuration.item'] === attributes['murmuration.item'],
    );
    assert.ok(queue?.parentSpanId === parent.spanId && queue.startMs <= queue.endMs && queue.endMs <= item.endMs);
    assert.ok(named(spans, traceId, 'result').some(({ parentSpanId }) => parentSpanId === item.spanId));
  }
  return items.reduce((sum, { attributes }) => sum + Number(attributes['murmuration.audio.seconds']), 0);
}

function results(spans: readonly CollectedSpan[], traceId: string): number {
  return named(spans, traceId, 'result').length;
}

/** Partials that were told. */
function told(spans: readonly CollectedSpan[], traceId: string): CollectedSpan[] {
  return named(spans, traceId, 'partial').filter(({ attributes }) => attributes['murmuration.outcome'] === 'told');
}

test("A request continues its client's trace through the queue, the batch and the result, and log lines name it", async (t) => {
  t.diagnostic(
    collector.isReal ? 'read back from the OpenTelemetry collector' : 'read without a collector: no Go here',
  );
  const client = place();
  const answer = await fetch(`${cluster.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { traceparent: client.traceparent },
    body: form({ model: 'whisper-1', prompt: 'canaryprompt' }),
  });
  assert.equal(answer.status, 200);
  const spans = await collector.until(
    (all) =>
      named(all, client.traceId, 'POST /v1/audio/transcriptions').length === 1 &&
      named(all, client.traceId, 'intake').length === 1 &&
      results(all, client.traceId) === Number(one(all, client.traceId, 'intake').attributes['murmuration.chunks']) &&
      named(all, client.traceId, 'transcribe').length === results(all, client.traceId) &&
      all.filter(({ name }) => name === 'batch').length > 0,
  );
  const request = one(spans, client.traceId, 'POST /v1/audio/transcriptions');
  assert.deepEqual(
    [request.parentSpanId, request.service, request.attributes['http.response.status_code']],
    [client.spanId, 'murmuration-api', 200],
  );
  const intake = one(spans, client.traceId, 'intake');
  const seconds = pcm.length / RATE_HZ;
  assert.ok(Math.abs(Number(intake.attributes['murmuration.audio.seconds']) - seconds) < 0.1);
  const inItems = checkItems(spans, client.traceId, request, 'interactive');
  assert.ok(inItems > seconds / 2 && inItems <= seconds + 1, String(inItems));
  const assemble = one(spans, client.traceId, 'assemble');
  assert.deepEqual([assemble.parentSpanId, assemble.attributes['murmuration.result.empty']], [request.spanId, false]);
  assert.ok(cluster.api.log.split('\n').some((line) => line.includes('"answered"') && line.includes(client.traceId)));
});

test('A job that was answered goes on in its trace, until its webhook is told, which gets it as a header', async () => {
  const client = place();
  const answer = await fetch(`${cluster.url}/v1/jobs`, {
    method: 'POST',
    headers: { traceparent: client.traceparent },
    body: form({ webhook: JSON.stringify({ url: receiver.url }), metadata: '{"canary":"canarymetadata"}' }),
  });
  assert.equal(answer.status, 202);
  const spans = await collector.until((all) => named(all, client.traceId, 'webhook').length === 1);
  const request = one(spans, client.traceId, 'POST /v1/jobs');
  checkItems(spans, client.traceId, request, 'batch');
  const webhook = one(spans, client.traceId, 'webhook');
  assert.deepEqual(
    [webhook.parentSpanId, webhook.attributes['murmuration.outcome'], webhook.attributes['http.response.status_code']],
    [request.spanId, 'delivered', 204],
  );
  assert.equal(one(spans, client.traceId, 'assemble').parentSpanId, request.spanId);
  assert.equal(receiver.traceparents[0], `00-${client.traceId}-${webhook.spanId}-01`);
});

test("gRPC's metadata and a WebSocket's handshake carry a trace as well", async () => {
  const [call, socket] = [place(), place()];
  const grpc = new GrpcClient(`127.0.0.1:${String(cluster.relays[0]?.grpcPort)}`);
  const { ending } = await grpc.call(
    'Transcription/Transcribe',
    { audio: wav },
    { metadata: { traceparent: call.traceparent } },
  );
  grpc.close();
  assert.equal(ending.status, 'OK');
  const live = new WebSocket(`${cluster.url.replace('http', 'ws')}/ws/transcribe`, {
    headers: { traceparent: socket.traceparent },
  });
  await new Promise((resolve) => live.once('open', resolve));
  const partial = new Promise<void>((resolve) => {
    live.on('message', (message: Buffer) => {
      if ((JSON.parse(message.toString()) as { type: string }).type === 'partial') resolve();
    });
  });
  live.send('{"type":"start","interim_results":true}');
  const bytes = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  // No further than into the first utterance, until a partial of it is told.
  live.send(bytes.subarray(0, 2 * RATE_HZ * 2));
  await partial;
  live.send(bytes.subarray(2 * RATE_HZ * 2));
  live.send('{"type":"finish"}');
  await new Promise((resolve) => live.once('close', resolve));
  const spans = await collector.until(
    (all) =>
      results(all, call.traceId) > 0 &&
      named(all, call.traceId, 'murmuration.v1.Transcription/Transcribe').length === 1 &&
      named(all, socket.traceId, 'live session').length === 1 &&
      told(all, socket.traceId).length > 0,
  );
  const served = one(spans, call.traceId, 'murmuration.v1.Transcription/Transcribe');
  assert.deepEqual([served.parentSpanId, served.service], [call.spanId, 'murmuration-relay']);
  checkItems(spans, call.traceId, served, 'interactive');
  const session = one(spans, socket.traceId, 'live session');
  assert.equal(session.parentSpanId, socket.spanId);
  assert.ok(Math.abs(Number(session.attributes['murmuration.audio.seconds']) - pcm.length / RATE_HZ) < 1);
  for (const span of named(spans, socket.traceId, 'partial')) {
    assert.deepEqual([span.parentSpanId, span.service], [session.spanId, 'murmuration-worker']);
    assert.ok(Number(span.attributes['murmuration.audio.seconds']) > 0);
  }
  for (const { spanId } of told(spans, socket.traceId))
    assert.ok(
      spans.some(({ name, links }) => name === 'batch' && links.some((link) => link.spanId === spanId)),
      'a batch points at the partial',
    );
  // An utterance whose text was there before its end has no run of its own.
  for (const item of named(spans, socket.traceId, 'transcribe')) assert.equal(item.parentSpanId, session.spanId);
});

test('A trace that its client does not sample is not sent, and a header that is none begins a trace', async () => {
  const client = place();
  const unsampled = client.traceparent.replace(/01$/, '00');
  for (const traceparent of [unsampled, 'garbage', `00-${'0'.repeat(32)}-${client.spanId}-01`]) {
    const answer = await fetch(`${cluster.url}/transcribe`, { method: 'POST', headers: { traceparent }, body: form() });
    assert.equal(answer.status, 200);
  }
  const spans = await collector.until(
    (all) => all.filter(({ name, parentSpanId }) => name === 'POST /transcribe' && parentSpanId === '').length === 2,
  );
  assert.equal(spans.filter(({ traceId }) => traceId === client.traceId).length, 0);
});

test('No span holds text, a file name, a prompt, metadata or an address', () => {
  const all = JSON.stringify(collector.spans);
  for (const word of ['canaryname', 'canaryprompt', 'canarymetadata', receiver.url, ...said])
    assert.ok(!all.includes(word), word);
  assert.ok(!/dashwood|leisure|prudently/i.test(all));
});
