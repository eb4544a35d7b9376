import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { postRaw, type TranscribeAnswer } from './harness/api-requests.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

/** An hour with `npm run soak`, else a short form of it. */
const MINUTES = process.env['SOAK'] === '1' ? 60 : 6;
const ALLOWED_BYTES = 60_000_000;
/** Speech is a small share of it, so that the test is about the upload, not the model. */
const PAUSE_MS = 20_000;

let cluster: Cluster;
let minute: Int16Array;

before(async () => {
  const clips = await samples();
  minute = joined(
    clips.map((clip) => clip.pcm),
    PAUSE_MS,
  ).subarray(0, 60 * RATE_HZ);
  cluster = await Cluster.start();
});

after(async () => {
  await cluster.close();
});

/** Memory of the API's process in use, bytes. */
function residentBytes(): number {
  const pages = Number(readFileSync(`/proc/${String(cluster.api.pid)}/statm`, 'utf8').split(' ')[1]);
  return pages * 4_096;
}

test(
  `The memory of the API stays within 60 MB of its idle size while ${String(MINUTES)} minutes are uploaded`,
  { timeout: 600_000, skip: process.platform === 'linux' ? false : 'memory is read from /proc' },
  async () => {
    // The first request loads what all later ones use.
    assert.equal((await postRaw(cluster.url, new Blob([new Uint8Array(wavFile(minute))]))).status, 200);
    const idle = residentBytes();
    let highest = idle;
    const header = wavFile(new Int16Array(0));
    // The length in the header is not told: it is read to the end.
    header.writeUInt32LE(0xffff_ffff, 40);
    let sent = -1;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        highest = Math.max(highest, residentBytes());
        if (sent === -1) controller.enqueue(new Uint8Array(header));
        else if (sent < MINUTES) controller.enqueue(new Uint8Array(minute.slice().buffer));
        else controller.close();
        sent++;
      },
    });
    const response = await postRaw(cluster.url, body);
    const answer = (await response.json()) as TranscribeAnswer;
    assert.equal(response.status, 200);
    assert.ok(Math.abs(answer.duration - (MINUTES * minute.length) / RATE_HZ) < 1);
    const grown = highest - idle;
    assert.ok(grown < ALLOWED_BYTES, `grew by ${(grown / 1e6).toFixed(0)} MB from ${(idle / 1e6).toFixed(0)} MB`);
  },
);
