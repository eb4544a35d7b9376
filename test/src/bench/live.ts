import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Cluster } from '../harness/cluster.js';
import { percentile, printFigures, type Figure } from '../harness/figures.js';
import { LiveConnection } from '../harness/live-client.js';
import { seeded } from '../harness/seeded.js';
import { wordErrors, words } from '../harness/word-errors.js';
import { RATE_HZ, joined, samples } from '../harness/wav.js';

/*
 * How many people can speak at once: senders at real time on a schedule made beforehand (a late answer delays no sender), each from another
 * moment of the recordings. The delay of a final is counted from when the last audio was due that its utterance needs: the end of its speech
 * and the silence that closes it. The text is checked too. A run whose senders were late themselves is void.
 *   npm run bench -- live [streams…]      the numbers of streams to try, in order; 4 8 16 24 32 unless given
 */

const SECONDS = 40;
const FRAME_MS = 40;
const ENDPOINTING_MS = 400;
const GOAL_MS = 400;
const OWN_LAG_MS = 20;

const clips = await samples();
const tries = process.argv
  .slice(2)
  .map(Number)
  .filter((count) => count > 0);
const levels = tries.length === 0 ? [4, 8, 16, 24, 32] : tries;

interface Outcome {
  readonly finalMs: readonly number[];
  readonly partialEveryMs: readonly number[];
  readonly errors: number;
  readonly words: number;
}

/** One sender: says the clips in a loop from `offset` on, beginning at `startMs`. */
async function speak(url: string, first: number, startMs: number): Promise<Outcome> {
  const order = clips.map((_clip, i) => clips[(first + i) % clips.length]).filter((clip) => clip !== undefined);
  const said: { readonly text: string; readonly endsMs: number }[] = [];
  const parts: Int16Array[] = [];
  for (let ms = 0, i = 0; ms < SECONDS * 1_000; i++) {
    const clip = order[i % order.length];
    if (clip === undefined) break;
    parts.push(clip.pcm);
    ms += (clip.pcm.length * 1_000) / RATE_HZ + 1_200;
    said.push({ text: clip.said, endsMs: ms });
  }
  const pcm = joined(parts, 1_200);
  const connection = await LiveConnection.open(url);
  connection.send({
    type: 'start',
    encoding: 'pcm_s16le',
    sample_rate: RATE_HZ,
    endpointing_ms: ENDPOINTING_MS,
    interim_results: true,
  });
  await connection.next('ready', (message) => message.type === 'ready');
  const frame = (FRAME_MS * RATE_HZ) / 1_000;
  for (let at = 0, n = 1; at < pcm.length; at += frame, n++) {
    const dueMs = startMs + n * FRAME_MS;
    const wait = dueMs - performance.now();
    if (wait > 0)
      await new Promise((resolve) => {
        setTimeout(resolve, wait);
      });
    connection.audio(pcm.subarray(at, at + frame));
  }
  connection.send({ type: 'finish' });
  await connection.next('closed', (message) => message.type === 'closed', 60_000);
  connection.cut();
  const finals = connection.messages.filter((message) => message.type === 'final');
  const partials = connection.messages.filter((message) => message.type === 'partial');
  const heard = words(finals.map((message) => message.text ?? '').join(' '));
  const spoken = words(said.map(({ text }) => text).join(' '));
  return {
    finalMs: finals.map((message) => message.atMs - (startMs + (message.end_ms ?? 0) + ENDPOINTING_MS)),
    partialEveryMs: partials.flatMap((message, i) =>
      i > 0 && partials[i - 1]?.utterance === message.utterance ? [message.atMs - (partials[i - 1]?.atMs ?? 0)] : [],
    ),
    errors: wordErrors(spoken, heard),
    words: spoken.length,
  };
}

const cluster = await Cluster.start({ relays: 1, wholeMachine: true });
const url = `ws://127.0.0.1:${String(cluster.relays[0]?.port)}/ws/transcribe`;
const figures: Figure[] = [];
let largest = 0;
process.stdout.write(
  `${String(availableParallelism())} cores, one relay and one worker, ${String(SECONDS)} s a level, frames of ${String(FRAME_MS)} ms\n`,
);
for (const streams of levels) {
  const random = seeded(streams);
  const lag = monitorEventLoopDelay({ resolution: 5 });
  lag.enable();
  const begin = performance.now() + 500;
  const outcomes = await Promise.all(
    Array.from({ length: streams }, (_, i) => speak(url, i, begin + random() * 4_000)),
  );
  lag.disable();
  const finals = outcomes.flatMap((outcome) => outcome.finalMs);
  const partials = outcomes.flatMap((outcome) => outcome.partialEveryMs);
  const p95 = percentile(finals, 0.95);
  const ownLag = lag.percentile(99) / 1e6;
  const errors = outcomes.reduce((sum, outcome) => sum + outcome.errors, 0);
  const spoken = outcomes.reduce((sum, outcome) => sum + outcome.words, 0);
  if (p95 <= GOAL_MS && ownLag <= OWN_LAG_MS) largest = Math.max(largest, streams);
  figures.push(
    {
      name: `${String(streams)} streams: final p50`,
      value: percentile(finals, 0.5),
      unit: 'ms',
      note: `${String(finals.length)} finals`,
    },
    {
      name: `${String(streams)} streams: final p95`,
      value: p95,
      unit: 'ms',
      note: `own lag p99 ${ownLag.toFixed(0)} ms${ownLag > OWN_LAG_MS ? ': void' : ''}`,
    },
    {
      name: `${String(streams)} streams: partial every`,
      value: percentile(partials, 0.5),
      unit: 'ms',
      note: `median of ${String(partials.length)}`,
    },
    {
      name: `${String(streams)} streams: word errors`,
      value: errors / spoken,
      unit: '',
      note: `${String(errors)} of ${String(spoken)} words`,
    },
  );
}
figures.push({ name: `most streams with final p95 within ${String(GOAL_MS)} ms`, value: largest, unit: 'streams' });
await cluster.close();
printFigures('live', figures);
