import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Murmuration, MurmurationError, type JobEvent } from '@murmuration/client/node';
import { Cluster } from './harness/cluster.js';
import { until } from './harness/api-requests.js';
import { seeded } from './harness/seeded.js';
import { joined, samples, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let cluster: Cluster;
let client: Murmuration;
let file: Buffer;
/** The file many times over: enough to be at work when something happens to it. */
let long: Buffer;
let said: string[];
const TIMES = 20;

before(async () => {
  const clips = await samples();
  const turn = joined(
    clips.map((clip) => clip.pcm),
    1_000,
  );
  file = wavFile(turn);
  long = wavFile(
    joined(
      Array.from({ length: TIMES }, () => turn),
      0,
    ),
  );
  said = words(clips.map((clip) => clip.said).join(' '));
  cluster = await Cluster.start({ apis: 2 });
  client = new Murmuration({ baseUrl: cluster.url });
});

after(async () => {
  await cluster.close();
});

function check(text: string, times = 1): void {
  const wanted = Array.from({ length: times }, () => said).flat();
  assert.ok(wordErrors(wanted, words(text)) <= wanted.length * 0.15, text);
}

async function all(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const list: JobEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

/** What fetch does, asked of the two nodes in turn. */
function alternating(then: (address: string, init: RequestInit | undefined) => Promise<Response>): typeof fetch {
  let asked = 0;
  return (input, init) =>
    then(
      (typeof input === 'string' ? input : '').replace(
        cluster.url,
        `http://127.0.0.1:${String(cluster.apis[asked++ % 2]?.port)}`,
      ),
      init,
    );
}

test('A recording is transcribed whole, in pieces as they come, and as text', async () => {
  const transcript = await client.transcribe(file, { word_timestamps: true });
  check(transcript.text);
  assert.ok((transcript.segments[0]?.words ?? []).length > 0);
  const texts: string[] = [];
  for await (const part of client.transcribeStream(new Blob([new Uint8Array(file)]))) {
    if (part.type === 'segment') texts.push(part.segment.text);
    else assert.equal(part.transcript.text, transcript.text);
  }
  check(texts.join(' '));
  assert.match(await client.transcribe(file, { response_format: 'vtt' }), /^WEBVTT\n/);
});

test("Refusals have the server's code, field, status and request id", async () => {
  for (const [refuse, code, status] of [
    [() => client.transcribe(file, { language: 'de' }), 'unsupported_language', 400],
    [() => client.transcribe(Buffer.from('no audio at all')), 'unprocessable_audio', 422],
    [() => client.jobs.get('nothing'), 'not_found', 404],
    [() => client.jobs.create({ url: 'http://127.0.0.1/x.wav' }), 'url_not_allowed', 400],
    [() => client.jobs.create(file, { id: 'no uuid' }), 'invalid_field', 400],
  ] as const) {
    await assert.rejects(refuse, (error) => {
      assert.ok(error instanceof MurmurationError);
      assert.deepEqual([error.code, error.status], [code, status]);
      assert.match(error.requestId ?? '', /./);
      return true;
    });
  }
});

test('A job that the client names is followed from its first segment on while it is still sent, then asked for in every way', async () => {
  const id = crypto.randomUUID();
  let heard = (): void => undefined;
  const firstSegment = new Promise<void>((resolve) => {
    heard = resolve;
  });
  let isSent = false;
  async function* slowly(): AsyncGenerator<Uint8Array> {
    const half = Math.floor(long.length / 2);
    for (let at = 0; at < half; at += 65_536) yield long.subarray(at, Math.min(half, at + 65_536));
    // The rest is not sent before text of the beginning has come.
    await firstSegment;
    yield long.subarray(half);
    isSent = true;
  }
  const events: JobEvent[] = [];
  const following = (async () => {
    for await (const event of client.jobs.events(id, { appearsWithinMs: 30_000 })) {
      events.push(event);
      if (event.type === 'segment') {
        if (events.filter(({ type }) => type === 'segment').length === 1) assert.equal(isSent, false);
        heard();
      }
    }
  })();
  const created = await client.jobs.create(slowly(), { id, metadata: { of: 'me' } });
  assert.deepEqual([created.id, created.metadata], [id, { of: 'me' }]);
  await following;
  const job = await client.jobs.wait(id);
  assert.equal(job.status, 'done');
  assert.deepEqual([...new Set(events.map(({ type }) => type))].sort(), ['accepted', 'done', 'progress', 'segment']);
  const transcript = await client.jobs.transcript(id);
  check(transcript.text, TIMES);
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'segment' ? [event.segment] : [])),
    transcript.segments,
  );
  assert.match(await client.jobs.transcript(id, 'srt'), /^1\n00:00:0/);
  assert.deepEqual((await client.jobs.deliveries(id)).length, 0);
  await assert.rejects(client.jobs.redeliver(id), { code: 'no_webhook' });
  assert.equal((await client.jobs.cancel(id)).purged, true);
  await assert.rejects(client.jobs.transcript(id), { code: 'result_expired' });
});

test('Events that are cut at any byte and go on at the other node are each there once, in order', async () => {
  const random = seeded(5);
  let cuts = 0;
  const cutting = new Murmuration({
    baseUrl: cluster.url,
    fetch: alternating(async (address, init) => {
      const response = await fetch(address, init);
      if (!address.endsWith('/events') || response.body === null || cuts >= 40) return response;
      let left = Math.floor(random() * 1_500);
      cuts++;
      return new Response(
        response.body.pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({
            transform(piece, controller) {
              controller.enqueue(piece.subarray(0, left));
              left -= piece.length;
              if (left <= 0) controller.error(new TypeError('terminated'));
            },
          }),
        ),
        { status: response.status, headers: response.headers },
      );
    }),
  });
  const { id } = await cutting.jobs.create(long, { priority: 'interactive' });
  const events = await all(cutting.jobs.events(id));
  const undisturbed = await all(client.jobs.events(id));
  assert.ok(cuts >= 5, String(cuts));
  assert.deepEqual(events, undisturbed);
  assert.equal(events.at(-1)?.type, 'done');
});

test('A submission whose answer is lost, or whose sending breaks off, makes one job all the same', async () => {
  const losing = (when: 'answer' | 'sending'): Murmuration => {
    let lost = false;
    return new Murmuration({
      baseUrl: cluster.url,
      fetch: alternating(async (address, init) => {
        if (lost || init?.method !== 'POST') return fetch(address, init);
        lost = true;
        if (when === 'answer') {
          await (await fetch(address, init)).arrayBuffer();
          throw new TypeError('terminated');
        }
        const body = new Response(init.body);
        let sentBytes = 0;
        const broken = body.body?.pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({
            transform(piece, controller) {
              controller.enqueue(piece);
              sentBytes += piece.length;
              if (sentBytes > 300_000) controller.error(new TypeError('terminated'));
            },
          }),
        );
        return fetch(address, {
          ...init,
          body: broken ?? null,
          headers: {
            ...(init.headers as Record<string, string>),
            'content-type': body.headers.get('content-type') ?? '',
          },
        });
      }),
    });
  };
  for (const when of ['answer', 'sending'] as const) {
    for (const id of [undefined, crypto.randomUUID()]) {
      const began = new Date();
      const job = await losing(when).jobs.create(file, { id });
      if (id !== undefined) assert.equal(job.id, id);
      assert.equal((await client.jobs.wait(job.id)).status, 'done');
      const made: string[] = [];
      for await (const one of client.jobs.list({ created_after: began, limit: 2 }))
        if (one.status === 'done') made.push(one.id);
      assert.deepEqual(made, [job.id], `${when} ${id ?? 'unnamed'}`);
    }
  }
});

test('Who leaves a transcription ends its work', async () => {
  const leaving = new AbortController();
  const reason = new Error('enough');
  await assert.rejects(async () => {
    for await (const part of client.transcribeStream(long, { signal: leaving.signal })) {
      assert.equal(part.type, 'segment');
      leaving.abort(reason);
    }
  }, reason);
  const busy = async (): Promise<number> =>
    ((await (await fetch(`${cluster.url}/sessions`)).json()) as { sessions: unknown[] }).sessions.length;
  await until('nothing is at work any more', async () => (await busy()) === 0);
});

test('The list goes over pages, and its filters hold', async () => {
  const jobs: string[] = [];
  for await (const { id } of client.jobs.list({ limit: 2 })) jobs.push(id);
  assert.ok(jobs.length > 4);
  assert.equal(new Set(jobs).size, jobs.length);
  for await (const { status } of client.jobs.list({ status: 'done', limit: 3 })) assert.equal(status, 'done');
});
