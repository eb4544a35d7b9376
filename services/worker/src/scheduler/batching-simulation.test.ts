import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseBatch, meanLength, type WaitingRow } from './choose-batch.js';
import { RecentLoad } from './recent-load.js';

/*
 * Devices, queue and arrivals as events on a clock of their own: what a policy makes people wait is compared with what others would have. Every figure follows
 * from the seed, so the bounds below do not depend on the machine.
 */

interface Arrival {
  readonly atMs: number;
  readonly paddedSamples: number;
  /** The recording that it is a part of; a row by itself without. */
  readonly recording?: string;
}

type Sizes = (sizes: readonly number[], mates: number) => number;

interface Outcome {
  readonly meanMs: number;
  readonly p95Ms: number;
  /** Mean time from the first row of a recording until the last of its rows is done; 0 without recordings. */
  readonly answerMs: number;
  readonly rowsPerSecond: number;
  readonly meanBatch: number;
}

const SIZES = [1, 2, 4, 8];
/** Milliseconds of a window of Whisper tiny.en (int8) on one core, as measured: an encoder that takes each window as long, a decoder that pays to share. */
const whisperMs = (_padded: number, rows: number): number => rows * 512 + 654 * rows ** 0.72;
/** Moonshine tiny on one core: by length, and a little less a row in a batch. */
const moonshineMs = (padded: number, rows: number): number => 4 + (padded / 16_000) * (26 * rows ** 0.8);

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

interface Device {
  readonly predictMs: (padded: number, rows: number) => number;
  readonly mixesLengths: boolean;
}

/** Runs arrivals through two sessions. `policy` null is the worker's own. With `clients`, each sends its next row when it has its answer. */
function simulate(
  arrivals: readonly Arrival[],
  { predictMs, mixesLengths }: Device,
  policy: Sizes | null,
  clients?: { readonly count: number; readonly rows: number; readonly next: () => number },
): Outcome {
  const sessions = 2;
  let now = 0;
  let idle = sessions;
  const ends = new Set<number>();
  let order = 0;
  let waiting: (WaitingRow & { readonly atMs: number })[] = [];
  const load = new RecentLoad(sessions, 0);
  const events: { readonly atMs: number; readonly happen: () => void }[] = [];
  const at = (atMs: number, happen: () => void): void => {
    const place = events.findLastIndex((event) => event.atMs <= atMs);
    events.splice(place + 1, 0, { atMs, happen });
  };
  const waits: number[] = [];
  const batches: number[] = [];
  let left = clients?.rows ?? 0;
  const answers = new Map<string, { readonly fromMs: number; untilMs: number }>();
  const arrive = (paddedSamples: number, recording: string | null = null): void => {
    if (recording !== null && !answers.has(recording)) answers.set(recording, { fromMs: now, untilMs: now });
    waiting.push({
      lane: 'interactive',
      paddedSamples,
      order: order++,
      alone: false,
      partial: false,
      recording,
      sinceMs: now,
      atMs: now,
    });
    load.arrived(now);
  };
  for (const { atMs, paddedSamples, recording } of arrivals)
    at(atMs, () => {
      arrive(paddedSamples, recording);
    });
  for (let client = 0; client < (clients?.count ?? 0); client++)
    at(client, () => {
      left--;
      arrive(clients?.next() ?? 0);
    });
  const dispatch = (): void => {
    while (idle > 0 && waiting.length > 0) {
      const limits = {
        idleSessions: idle,
        mixesLengths,
        sessions,
        partialSessions: 0,
        liveLately: false,
        batchIsDue: false,
        othersAreDue: false,
        nowMs: now,
        busyForMs: [...ends].map((endMs) => endMs - now),
        batchSizes: SIZES,
        maxBatchMs: 250,
        predictMs,
        fits: () => true,
        followers: (workMs: number) => load.followers(workMs, now),
      };
      let batch = chooseBatch(waiting, limits);
      if (policy !== null) {
        const mates = waiting.filter((row) => row.paddedSamples === waiting[0]?.paddedSamples);
        const share = Math.ceil(mates.length / idle);
        batch = mates.slice(
          0,
          policy(
            SIZES.filter((size) => size <= share),
            share,
          ),
        );
      }
      const chosen = new Set(batch);
      waiting = waiting.filter((row) => !chosen.has(row));
      batches.push(batch.length);
      idle--;
      load.running(sessions - idle, now);
      // Never two at the same moment, so that a set holds both.
      const endMs = now + predictMs(meanLength(batch), batch.length) + batches.length * 1e-6;
      ends.add(endMs);
      at(endMs, () => {
        idle++;
        ends.delete(endMs);
        load.running(sessions - idle, now);
        for (const row of batch) {
          waits.push(now - row.atMs);
          const answer = answers.get(row.recording ?? '');
          if (answer !== undefined) answer.untilMs = now;
          if (clients !== undefined && left-- > 0)
            at(now + 15, () => {
              arrive(clients.next());
            });
        }
      });
    }
  };
  for (let event = events.shift(); event !== undefined; event = events.shift()) {
    now = event.atMs;
    event.happen();
    // What comes at the same moment is seen together.
    if (events[0]?.atMs !== now) dispatch();
  }
  const answered = [...answers.values()].map(({ fromMs, untilMs }) => untilMs - fromMs);
  const sorted = [...waits].sort((a, b) => a - b);
  return {
    meanMs: waits.reduce((all, wait) => all + wait, 0) / waits.length,
    p95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
    answerMs: answered.reduce((all, ms) => all + ms, 0) / Math.max(1, answered.length),
    rowsPerSecond: (waits.length / now) * 1_000,
    meanBatch: batches.reduce((all, size) => all + size, 0) / batches.length,
  };
}

const FIXED: Readonly<Record<string, Sizes>> = {
  'one by one': () => 1,
  'as large as there are rows': (sizes) => sizes.at(-1) ?? 1,
  'at most two': (sizes) => sizes.findLast((size) => size <= 2) ?? 1,
  'at most four': (sizes) => sizes.findLast((size) => size <= 4) ?? 1,
};

function poisson(perSecond: number, count: number, next: () => number, random: () => number): Arrival[] {
  let atMs = 0;
  return Array.from({ length: count }, () => {
    atMs += (-Math.log(1 - random()) * 1_000) / perSecond;
    return { atMs, paddedSamples: next() };
  });
}

/** So many recordings of so many chunks that are uploaded at once: a chunk of each every 60 ms, as it is cut. */
function uploads(recordings: number, chunks: number, next: () => number): Arrival[] {
  return Array.from({ length: recordings * chunks }, (_, i) => ({
    atMs: 60 * Math.floor(i / recordings),
    paddedSamples: next(),
    recording: `recording ${String(i % recordings)}`,
  }));
}

/** Times of all fixed policies, and the best of them. */
function bestFixed(run: (policy: Sizes) => Outcome): Outcome {
  return Object.values(FIXED)
    .map(run)
    .reduce((best, one) => (one.meanMs < best.meanMs ? one : best));
}

const MODELS = {
  whisper: { predictMs: whisperMs, mixesLengths: false, lengths: [480_000] },
  // 2 to 12 s on a grid of half a second.
  moonshine: {
    predictMs: moonshineMs,
    mixesLengths: false,
    lengths: Array.from({ length: 21 }, (_, i) => 32_000 + i * 8_000),
  },
} as const;

for (const [name, { lengths, ...device }] of Object.entries(MODELS)) {
  const { predictMs } = device;
  const nextOf = (random: () => number) => (): number => lengths[Math.floor(random() * lengths.length)] ?? lengths[0];
  // Rows a second that two sessions run one by one.
  const capacity =
    (2 * 1_000) / (lengths.reduce((sum: number, length) => sum + predictMs(length, 1), 0) / lengths.length);

  describe(`Batches of ${name}, simulated`, () => {
    for (const share of [0.1, 0.5, 0.8, 0.95]) {
      test(`People wait hardly longer than with the best fixed size at ${String(share * 100)} % of what single rows allow`, () => {
        const random = randomOf(7);
        const arrivals = poisson(capacity * share, 3_000, nextOf(random), random);
        const own = simulate(arrivals, device, null);
        const best = bestFixed((policy) => simulate(arrivals, device, policy));
        assert.ok(
          own.meanMs <= best.meanMs * 1.05,
          `${own.meanMs.toFixed(0)} ms, the best fixed size ${best.meanMs.toFixed(0)} ms`,
        );
      });
    }

    test('A burst on idle devices is done hardly later than with the best fixed size', () => {
      for (const count of [1, 2, 3, 8, 24, 60]) {
        const next = nextOf(randomOf(count + 1));
        const arrivals = Array.from({ length: count }, () => ({ atMs: 0, paddedSamples: next() }));
        const own = simulate(arrivals, device, null);
        const best = bestFixed((policy) => simulate(arrivals, device, policy));
        assert.ok(
          own.meanMs <= best.meanMs * 1.05,
          `${String(count)} rows: ${own.meanMs.toFixed(0)} ms, the best fixed size ${best.meanMs.toFixed(0)} ms`,
        );
      }
    });

    for (const [recordings, chunks] of [
      [1, 8],
      [2, 9],
      [2, 40],
      [6, 5],
    ] as const)
      test(`${String(recordings)} recordings of ${String(chunks)} chunks are answered hardly later than with the best fixed size`, () => {
        const arrivals = uploads(recordings, chunks, nextOf(randomOf(3)));
        const own = simulate(arrivals, device, null);
        const fixed = Object.values(FIXED).map((policy) => simulate(arrivals, device, policy).answerMs);
        assert.ok(
          own.answerMs <= Math.min(...fixed) * 1.08,
          `${own.answerMs.toFixed(0)} ms in batches of ${own.meanBatch.toFixed(1)}, with fixed sizes ${fixed.map((ms) => ms.toFixed(0)).join(', ')}`,
        );
      });

    for (const count of [4, 24, 64]) {
      test(`With ${String(count)} clients that ask again and again, nearly as much goes through as with the best fixed size`, () => {
        const own = simulate([], device, null, { count, rows: 3_000, next: nextOf(randomOf(5)) });
        const best = Object.values(FIXED)
          .map((policy) => simulate([], device, policy, { count, rows: 3_000, next: nextOf(randomOf(5)) }))
          .reduce((a, b) => (b.rowsPerSecond > a.rowsPerSecond ? b : a));
        assert.ok(
          own.rowsPerSecond >= best.rowsPerSecond * 0.95,
          `${own.rowsPerSecond.toFixed(2)} rows a second in batches of ${own.meanBatch.toFixed(1)}, the best fixed size ${best.rowsPerSecond.toFixed(2)}`,
        );
      });
    }
  });
}

describe('Batches of moonshine, simulated, whose rows may differ in length', () => {
  const { predictMs, lengths } = MODELS.moonshine;
  const nextOf = (random: () => number) => (): number => lengths[Math.floor(random() * lengths.length)] ?? 0;
  const run = (mixesLengths: boolean, count: number): Outcome =>
    simulate([], { predictMs, mixesLengths }, null, { count, rows: 3_000, next: nextOf(randomOf(5)) });

  test('With 8, 24 and 64 clients more goes through than in batches of one length, and people wait less', () => {
    for (const [count, least] of [
      [8, 1.1],
      [24, 1.2],
      [64, 1.1],
    ] as const) {
      const mixed = run(true, count);
      const alike = run(false, count);
      assert.ok(
        mixed.rowsPerSecond >= alike.rowsPerSecond * least &&
          mixed.meanMs <= alike.meanMs &&
          mixed.p95Ms <= alike.p95Ms,
        `${String(count)}: ${mixed.rowsPerSecond.toFixed(1)} rows a second in batches of ${mixed.meanBatch.toFixed(1)} after ${mixed.meanMs.toFixed(0)} ms (95 in 100 after ${mixed.p95Ms.toFixed(0)}), of one length ${alike.rowsPerSecond.toFixed(1)} in batches of ${alike.meanBatch.toFixed(1)} after ${alike.meanMs.toFixed(0)} ms (${alike.p95Ms.toFixed(0)})`,
      );
    }
  });

  test('At 24 clients batches are at least 0.7 of the largest', () => {
    assert.ok(run(true, 24).meanBatch >= 0.7 * (SIZES.at(-1) ?? 0));
  });

  test('While the devices are hardly busy nobody waits for a mate', () => {
    const single = (2 * 1_000) / (lengths.reduce((sum, length) => sum + predictMs(length, 1), 0) / lengths.length);
    const random = randomOf(7);
    const arrivals = poisson(single * 0.1, 1_000, nextOf(random), random);
    const mixed = simulate(arrivals, { predictMs, mixesLengths: true }, null);
    const alike = simulate(arrivals, { predictMs, mixesLengths: false }, null);
    assert.ok(mixed.meanMs <= alike.meanMs * 1.01);
  });
});
