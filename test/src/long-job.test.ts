import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe, until } from './harness/api-requests.js';
import { listenToEnd, type HeardEvent } from './harness/jobs-client.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

/** Three hours with `npm run soak`, else a short form of it. */
const MINUTES = process.env['SOAK'] === '1' ? 180 : 8;
const ALLOWED_BYTES = 80_000_000;
const PAUSE_MS = 900;
/** So long that no chunk reaches from one turn into the next. */
const TURN_PAUSE_SAMPLES = 5 * RATE_HZ;

let cluster: Cluster;
let clips: Int16Array[];

before(async () => {
  clips = (await samples()).map((clip) => clip.pcm);
  // The simulated device's text depends on the samples alone: what is lost, doubled or in the wrong place shows.
  cluster = await Cluster.start({ workers: 2, worker: { DEVICE: 'simulated' } });
});

after(async () => {
  await cluster.close();
});

function residentBytes(): number {
  return Number(readFileSync(`/proc/${String(cluster.api.pid)}/statm`, 'utf8').split(' ')[1]) * 4_096;
}

test(
  `A recording of ${String(MINUTES)} minutes is uploaded in flat memory, heard while it uploads, and complete`,
  { timeout: 600_000, skip: process.platform === 'linux' ? false : 'memory is read from /proc' },
  async (t) => {
    // One turn of the samples is whole windows of the detector long, so that each turn gives the same text.
    const turn = joined(clips, PAUSE_MS);
    const padded = new Int16Array(Math.ceil((turn.length + TURN_PAUSE_SAMPLES) / 512) * 512);
    padded.set(turn);
    const turns = Math.round((MINUTES * 60 * RATE_HZ) / padded.length);
    await transcribe(cluster.url, wavFile(padded));

    const idle = residentBytes();
    let highest = idle;
    const id = randomUUID();
    const header = wavFile(new Int16Array(0));
    header.writeUInt32LE(0xffff_ffff, 40);
    let sent = -1;
    let heardWhileUploading = 0;
    let events: Promise<HeardEvent[]> | null = null;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        highest = Math.max(highest, residentBytes());
        if (sent === -1) controller.enqueue(new Uint8Array(header));
        else if (sent < turns) controller.enqueue(new Uint8Array(padded.slice().buffer));
        else {
          await until('a segment is heard before the upload has ended', async () => {
            const response = await fetch(`${cluster.url}/v1/jobs/${id}`);
            const job = (await response.json()) as { status: string; progress?: { done_seconds: number } };
            heardWhileUploading = job.progress?.done_seconds ?? 0;
            return job.status === 'receiving' && heardWhileUploading > 0;
          });
          controller.close();
        }
        sent++;
        if (sent === 1) events = listenToEnd([cluster.url], id);
      },
    });
    const response = await fetch(`${cluster.url}/v1/jobs?id=${id}`, {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'audio/wav' },
    });
    assert.equal(response.status, 202, await response.clone().text());
    assert.ok(heardWhileUploading > 0);
    const grown = highest - idle;
    t.diagnostic(`the API grew by ${(grown / 1e6).toFixed(0)} MB from ${(idle / 1e6).toFixed(0)} MB`);
    assert.ok(grown < ALLOWED_BYTES, `grew by ${(grown / 1e6).toFixed(0)} MB`);

    const heard = await ((events as Promise<HeardEvent[]> | null) ?? Promise.reject(new Error('nobody listened')));
    assert.equal(heard.at(-1)?.name, 'done');
    const segments = heard
      .filter((event) => event.name === 'segment')
      .map((event) => event.data as unknown as { start: number; end: number; text: string });
    assert.ok(
      segments.every((segment, i) => i === 0 || segment.start >= (segments[i - 1]?.start ?? 0)),
      'in order',
    );
    const transcript = (await (await fetch(`${cluster.url}/v1/jobs/${id}/transcript.json`)).json()) as {
      text: string;
      duration: number;
      segments: { start: number; text: string }[];
    };
    assert.deepEqual(
      transcript.segments.map((segment) => segment.text),
      segments.map((segment) => segment.text),
    );
    assert.ok(Math.abs(transcript.duration - (turns * padded.length) / RATE_HZ) < 1);

    // Every turn but the first, which begins at the file's edge, says the same at the same place.
    const turnSeconds = padded.length / RATE_HZ;
    const ofTurn = (n: number): { at: number; text: string }[] =>
      segments
        .filter((segment) => segment.start >= n * turnSeconds && segment.start < (n + 1) * turnSeconds)
        .map((segment) => ({ at: Math.round((segment.start - n * turnSeconds) * 1_000), text: segment.text }));
    const second = ofTurn(1);
    assert.ok(second.length > 0);
    let same = 0;
    for (let n = 2; n < turns - 1; n++) {
      const turn = ofTurn(n);
      same +=
        turn.length === second.length &&
        turn.every(({ at, text }, i) => text === second[i]?.text && Math.abs(at - second[i].at) <= 2)
          ? 1
          : 0;
    }
    t.diagnostic(`${String(same)} of ${String(turns - 3)} turns have the very text of the second`);
    assert.equal(same, turns - 3);
  },
);
