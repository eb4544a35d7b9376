import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { joined, samples, wavFile } from './harness/wav.js';

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start();
});

after(async () => {
  await cluster.close();
});

test('A segment is told before the upload has ended, and all segments together are the whole', async () => {
  const clips = await samples();
  const file = wavFile(
    joined(
      [...clips, ...clips].map((clip) => clip.pcm),
      4_000,
    ),
  );
  let release: () => void = () => undefined;
  const firstSegment = new Promise<void>((resolve) => {
    release = resolve;
  });
  const half = Math.floor(file.length * 0.6);
  let part = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      part++;
      if (part === 1) controller.enqueue(new Uint8Array(file.subarray(0, half)));
      else if (part === 2) {
        // The rest is sent only after a segment has come back.
        await firstSegment;
        controller.enqueue(new Uint8Array(file.subarray(half)));
      } else controller.close();
    },
  });
  const response = await fetch(`${cluster.url}/transcribe/stream`, {
    method: 'POST',
    headers: { 'content-type': 'audio/wav' },
    body,
    duplex: 'half',
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  const texts: string[] = [];
  let whole: { text: string } | null = null;
  let buffered = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    buffered += decoder.decode(bytes as Uint8Array, { stream: true });
    for (let end = buffered.indexOf('\n\n'); end >= 0; end = buffered.indexOf('\n\n')) {
      const block = buffered.slice(0, end);
      buffered = buffered.slice(end + 2);
      const type = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1] ?? 'null';
      if (type === 'segment') {
        texts.push((JSON.parse(data) as { text: string }).text);
        release();
      }
      if (type === 'done') whole = JSON.parse(data) as { text: string };
    }
  }
  assert.ok(texts.length > 1);
  assert.equal(texts.join(' '), whole?.text);
});
