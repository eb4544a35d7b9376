import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe } from './harness/api-requests.js';
import { WITHOUT_SHARED, bytesOf, sharedClips } from './harness/speech.js';
import { wavFile } from './harness/wav.js';

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start();
});

after(async () => {
  await cluster.close();
});

for (const clip of sharedClips().filter(({ said }) => said.join('') === '')) {
  test(`Nothing is heard in ${clip.name}`, async () => {
    assert.equal((await transcribe(cluster.url, await bytesOf(clip))).text, '');
  });
}

test('There are recordings of noise to hear nothing in', { skip: WITHOUT_SHARED }, () => {
  assert.ok(sharedClips().some(({ said }) => said.join('') === ''));
});

test('Digital silence and a hum of any length give an empty transcript in every format', async () => {
  const hum = Int16Array.from({ length: 5 * 16_000 }, (_, i) =>
    Math.round(300 * Math.sin((2 * Math.PI * 50 * i) / 16_000)),
  );
  for (const pcm of [new Int16Array(0), new Int16Array(16), new Int16Array(3 * 16_000), hum]) {
    if (pcm.length === 0) {
      await assert.rejects(transcribe(cluster.url, wavFile(pcm)), /422.*unprocessable_audio/s);
      continue;
    }
    const answer = await transcribe(cluster.url, wavFile(pcm));
    assert.equal(answer.text, '');
    assert.deepEqual(answer.segments, []);
    for (const format of ['text', 'srt', 'vtt', 'verbose_json']) {
      const response = await fetch(`${cluster.url}/transcribe?response_format=${format}`, {
        method: 'POST',
        headers: { 'content-type': 'audio/wav' },
        body: new Blob([new Uint8Array(wavFile(pcm))]),
      });
      assert.equal(response.status, 200, format);
    }
  }
});
