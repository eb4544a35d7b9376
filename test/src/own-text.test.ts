import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe } from './harness/api-requests.js';
import { joined, samples, wavFile, type Sample } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let cluster: Cluster;
let clips: Sample[];

before(async () => {
  clips = await samples();
  cluster = await Cluster.start();
});

after(async () => {
  await cluster.close();
});

test('Eight clients at once each get their own text', async () => {
  const requests = Array.from({ length: 8 }, (_, client) => {
    const order = clips.map((_clip, i) => clips[(i + client) % clips.length]).filter((clip) => clip !== undefined);
    // Each client says its clips in an order and with pauses of its own.
    return {
      said: order.map((clip) => clip.said).join(' '),
      file: wavFile(
        joined(
          order.map((clip) => clip.pcm),
          600 + client * 50,
        ),
      ),
    };
  });
  const answers = await Promise.all(requests.map(({ file }) => transcribe(cluster.url, file)));
  answers.forEach((answer, client) => {
    const said = words(requests[client]?.said ?? '');
    const errors = wordErrors(said, words(answer.text));
    assert.ok(
      errors <= said.length * 0.25,
      `client ${String(client)}: ${String(errors)} of ${String(said.length)} words wrong: ${answer.text}`,
    );
  });
});

test('Every second of a recording is accounted for', async () => {
  const pcm = joined(
    clips.map((clip) => clip.pcm),
    1_500,
  );
  const answer = await transcribe(cluster.url, wavFile(pcm));
  const { speech, non_speech: nonSpeech, skipped } = answer.accounting;
  const sum = speech + nonSpeech + skipped.reduce((total, part) => total + part.end - part.start, 0);
  assert.ok(Math.abs(sum - answer.duration) < 0.002, `${String(sum)} of ${String(answer.duration)} s`);
  assert.ok(Math.abs(answer.duration - pcm.length / 16_000) < 0.002);
  assert.ok(nonSpeech > 1, 'the pauses are not speech');
});
