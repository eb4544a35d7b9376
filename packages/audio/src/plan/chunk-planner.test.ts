import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChunkPolicy } from '@murmuration/contracts';
import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';
import { seededRandom } from '../decode/testing/encoded-twins.js';
import { POLICY } from '../testing/detection-samples.js';
import { WINDOW_SAMPLES } from '../detect/audio-window.js';
import { UtteranceSegmenter } from '../detect/utterance-segmenter.js';
import { ChunkPlanner, type ReadyChunk } from './chunk-planner.js';

interface Stream {
  /** One a window of 32 ms. */
  readonly probabilities: readonly number[];
  readonly policy?: Partial<ChunkPolicy>;
  readonly paddingMs?: number;
  readonly minSilenceMs?: number;
  readonly totalSamples?: number;
  /** Called after each window. */
  readonly look?: (planner: ChunkPlanner) => void;
}

/** Plans a stream whose samples count up, so that each says where it comes from; speech is where the probabilities say. */
function planned(stream: Stream): { chunks: ReadyChunk[]; planner: ChunkPlanner; totalSamples: number } {
  const segmenter = new UtteranceSegmenter({
    threshold: 0.5,
    minSpeechMs: 96,
    minSilenceMs: stream.minSilenceMs ?? 384,
  });
  const planner = new ChunkPlanner(0, { ...POLICY, ...stream.policy }, stream.paddingMs ?? 192);
  const totalSamples = stream.totalSamples ?? stream.probabilities.length * WINDOW_SAMPLES;
  planner.append(Float32Array.from({ length: totalSamples }, (_, index) => sampleAt(index) / 32_768));
  const chunks: ReadyChunk[] = [];
  for (const [index, probability] of stream.probabilities.entries()) {
    const events = segmenter.step(probability);
    chunks.push(
      ...planner.observe({
        index,
        probability,
        rms: 0.1,
        gated: false,
        speaking: segmenter.speaking,
        events,
        atSamples: (index + 1) * WINDOW_SAMPLES,
      }),
    );
    stream.look?.(planner);
  }
  chunks.push(...planner.finish({ windows: [], events: segmenter.finish(totalSamples), totalSamples }));
  for (const ready of chunks) assertTells(ready);
  return { chunks, planner, totalSamples };
}

const sampleAt = (index: number): number => ((index * 7) % 65_536) - 32_768;

/** The PCM of a chunk is what its spans say. */
function assertTells({ chunk, pcm }: ReadyChunk): void {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  assert.equal(pcm.byteLength, chunk.samples * 2);
  let endMs = 0;
  for (const span of chunk.spans) {
    assert.equal(span.chunkMs, endMs);
    endMs += span.durationMs;
    for (const offset of [0, span.durationMs * SAMPLES_PER_MS - 1]) {
      assert.equal(
        view.getInt16((span.chunkMs * SAMPLES_PER_MS + offset) * 2, true),
        sampleAt(span.startMs * SAMPLES_PER_MS + offset),
      );
    }
  }
  assert.equal(endMs * SAMPLES_PER_MS, chunk.samples);
}

const times = (count: number, probability: number): number[] => Array.from({ length: count }, () => probability);
const spans = (chunks: readonly ReadyChunk[]): [number, number][][] =>
  chunks.map(({ chunk }) => chunk.spans.map((span) => [span.startMs, span.startMs + span.durationMs]));

void test('Without packing every utterance is a chunk with its padding, complete when the hangover is over', () => {
  const { chunks } = planned({
    probabilities: [...times(20, 0), ...times(30, 1), ...times(40, 0), ...times(30, 1), ...times(40, 0)],
  });
  assert.deepEqual(spans(chunks), [[[640 - 192, 1_600 + 192]], [[2_880 - 192, 3_840 + 192]]]);
  assert.deepEqual(
    chunks.map(({ chunk }) => chunk.speech),
    [[{ startMs: 640, endMs: 1_600 }], [{ startMs: 2_880, endMs: 3_840 }]],
  );
  assert.deepEqual(
    chunks.map(({ atSamples }) => atSamples / SAMPLES_PER_MS),
    [1_600 + 384, 3_840 + 384],
  );
});

void test('Padding takes at most half of a gap and stays inside the recording', () => {
  const { chunks } = planned({
    probabilities: [...times(2, 0), ...times(30, 1), ...times(14, 0), ...times(30, 1), ...times(3, 0)],
    paddingMs: 400,
  });
  assert.deepEqual(spans(chunks), [[[0, 1_024 + 224]], [[1_472 - 224, 2_432 + 96]]]);
});

void test('Speech that was skipped as too short is a neighbour too: it is in no chunk', () => {
  const { chunks, planner, totalSamples } = planned({
    probabilities: [...times(30, 1), ...times(14, 0), 1, ...times(14, 0), ...times(30, 1)],
    paddingMs: 2_000,
  });
  assert.deepEqual(spans(chunks), [[[0, 960 + 224]], [[1_888 - 224, 2_848]]]);
  assert.deepEqual(planner.accounting.close(totalSamples), {
    speechMs: 1_920,
    nonSpeechMs: 2_848 - 1_952,
    skipped: [{ startMs: 1_408, endMs: 1_440, channel: 0, reason: 'too_short' }],
  });
});

void test('Utterances closer than the gap are packed with the silence between them, until the target is reached', () => {
  const utterance = [...times(100, 1), ...times(25, 0)];
  const { chunks } = planned({
    probabilities: [...utterance, ...utterance, ...utterance, ...utterance, ...utterance],
    policy: { packGapMs: 1_000, targetChunkMs: 6_000 },
  });
  assert.deepEqual(spans(chunks), [[[0, 7_392]], [[7_808, 15_392]], [[15_808, 19_392]]]);
  assert.deepEqual(chunks[0]?.chunk.speech, [
    { startMs: 0, endMs: 3_200 },
    { startMs: 4_000, endMs: 7_200 },
  ]);
});

void test('What was skipped between packed utterances is left out; the spans tell of the hole', () => {
  const { chunks } = planned({
    probabilities: [...times(100, 1), ...times(14, 0), 1, ...times(14, 0), ...times(100, 1), ...times(14, 0)],
    policy: { packGapMs: 1_000 },
  });
  assert.deepEqual(spans(chunks), [
    [
      [0, 3_392],
      [4_128 - 192, 7_328 + 192],
    ],
  ]);
});

void test('A gap as long as the limit still packs, a longer one does not', () => {
  for (const [windows, expected] of [
    [31, 1],
    [32, 2],
  ] as const) {
    const { chunks } = planned({
      probabilities: [...times(30, 1), ...times(windows, 0), ...times(30, 1), ...times(20, 0)],
      policy: { packGapMs: 31 * 32 },
    });
    assert.equal(chunks.length, expected);
  }
});

void test('Packing never makes a chunk longer than the model takes', () => {
  const { chunks } = planned({
    probabilities: [...times(100, 1), ...times(14, 0), ...times(200, 1), ...times(14, 0)],
    policy: { packGapMs: 1_000, maxChunkMs: 9_000, targetChunkMs: 9_000 },
  });
  assert.equal(chunks.length, 2);
  const first = chunks[0] ?? assert.fail();
  // It is complete as soon as the second utterance no longer fits, not at its end.
  assert.ok(first.atSamples / SAMPLES_PER_MS < 100 * 32 + 14 * 32 + 200 * 32);
});

void test('An overlong utterance is cut in its pause, without anything said twice', () => {
  const { chunks } = planned({
    probabilities: [...times(135, 1), ...times(4, 0), ...times(100, 1), ...times(20, 0)],
    policy: { maxChunkMs: 6_000 },
  });
  const cutMs = 137 * 32;
  assert.deepEqual(spans(chunks), [[[0, cutMs]], [[cutMs, 239 * 32 + 192]]]);
  assert.deepEqual(
    chunks.map(({ chunk }) => chunk.overlapMs),
    [0, 0],
  );
  assert.deepEqual(chunks[1]?.chunk.speech, [{ startMs: cutMs, endMs: 239 * 32 }]);
});

void test('Unbroken speech is cut by force, and the overlap is said twice', () => {
  const { chunks, planner, totalSamples } = planned({
    probabilities: times(1_000, 1),
    policy: { maxChunkMs: 6_000, overlapMs: 1_000 },
  });
  assert.ok(chunks.length >= 5);
  for (const [index, { chunk }] of chunks.entries()) {
    const [span] = chunk.spans;
    const before = chunks[index - 1]?.chunk.spans[0];
    assert.ok(span);
    assert.ok(span.durationMs <= 6_000);
    assert.equal(chunk.overlapMs, before === undefined ? 0 : 1_000);
    if (before !== undefined) assert.equal(span.startMs, before.startMs + before.durationMs - 1_000);
    if (index < chunks.length - 1) assert.ok(span.durationMs >= 4_000);
  }
  assert.deepEqual(planner.accounting.close(totalSamples), { speechMs: 32_000, nonSpeechMs: 0, skipped: [] });
});

void test('Two hours of unbroken speech are cut while they come: a chunk or two is held', () => {
  const planner = new ChunkPlanner(0, { ...POLICY, maxChunkMs: 30_000 }, 200);
  const minute = new Float32Array(60 * 16_000);
  let index = 0;
  let mostHeld = 0;
  let chunks = 0;
  for (let minutes = 0; minutes < 120; minutes++) {
    planner.append(minute);
    for (; (index + 1) * WINDOW_SAMPLES <= (minutes + 1) * minute.length; index++) {
      const first = index === 0;
      chunks += planner.observe({
        index,
        probability: 1,
        rms: 0.1,
        gated: false,
        speaking: true,
        atSamples: (index + 1) * WINDOW_SAMPLES,
        events: first
          ? [
              { type: 'onset', startSamples: 0 },
              { type: 'confirmed', startSamples: 0 },
            ]
          : [],
      }).length;
    }
    mostHeld = Math.max(mostHeld, planner.heldSamples);
  }
  assert.ok(chunks > 240);
  assert.ok(mostHeld <= 2 * 30_000 * SAMPLES_PER_MS + minute.length, String(mostHeld));
});

void test('Two hours of silence leave nothing behind', () => {
  const planner = new ChunkPlanner(0, POLICY, 2_000);
  const second = new Float32Array(16_384);
  let index = 0;
  for (let piece = 1; piece <= 7_031; piece++) {
    planner.append(second);
    for (; (index + 1) * WINDOW_SAMPLES <= piece * second.length; index++) {
      planner.observe({
        index,
        probability: 0,
        rms: 0,
        gated: true,
        speaking: false,
        atSamples: (index + 11) * WINDOW_SAMPLES,
        events: [],
      });
    }
    assert.ok(planner.heldSamples <= 150_000);
  }
});

void test('A stream that ends inside a window gives exactly its samples', () => {
  const totalSamples = 40 * WINDOW_SAMPLES - 100;
  const { chunks, planner } = planned({ probabilities: times(40, 1), totalSamples });
  assert.deepEqual(spans(chunks), [[[0, totalSamples / SAMPLES_PER_MS]]]);
  assert.equal(planner.accounting.close(totalSamples).speechMs, totalSamples / SAMPLES_PER_MS);
});

void test('Whatever the speech: the account sums up, chunks hold all speech once, none is too long, paddings do not overlap', () => {
  const random = seededRandom(42);
  for (let round = 0; round < 40; round++) {
    const probabilities: number[] = [];
    while (probabilities.length < 1_200)
      probabilities.push(...times(1 + Math.floor(random() ** 3 * 400), random() < 0.55 ? 1 : 0));
    const policy: Partial<ChunkPolicy> = {
      maxChunkMs: 3_000 + Math.floor(random() * 9_000),
      targetChunkMs: 1_000 + Math.floor(random() * 9_000),
      packGapMs: random() < 0.5 ? 0 : Math.floor(random() * 3_000),
      overlapMs: Math.floor(random() * 1_200),
    };
    const totalSamples = probabilities.length * WINDOW_SAMPLES - Math.floor(random() * WINDOW_SAMPLES);
    const { chunks, planner } = planned({
      probabilities,
      policy,
      paddingMs: Math.floor(random() * 1_000),
      minSilenceMs: 32 + Math.floor(random() * 600),
      totalSamples,
    });
    const account = planner.accounting.close(totalSamples);
    const skippedMs = account.skipped.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    assert.equal(account.speechMs + account.nonSpeechMs + skippedMs, totalSamples / SAMPLES_PER_MS);

    let heardUntilMs = 0;
    let speechMs = 0;
    for (const { chunk } of chunks) {
      assert.ok(chunk.samples <= (policy.maxChunkMs ?? 0) * SAMPLES_PER_MS);
      for (const [index, span] of chunk.spans.entries()) {
        assert.ok(span.startMs >= heardUntilMs - (index === 0 ? chunk.overlapMs : 0));
        for (const skipped of account.skipped)
          assert.ok(skipped.endMs <= span.startMs || skipped.startMs >= span.startMs + span.durationMs);
        heardUntilMs = span.startMs + span.durationMs;
      }
      speechMs += chunk.speech.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) - chunk.overlapMs;
      for (const { startMs, endMs } of chunk.speech) {
        assert.ok(chunk.spans.some((span) => span.startMs <= startMs && endMs <= span.startMs + span.durationMs));
      }
    }
    assert.ok(heardUntilMs <= totalSamples / SAMPLES_PER_MS);
    assert.equal(speechMs, account.speechMs);
  }
});
