import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correlation, joinedPieces, seededRandom, voice } from './testing/encoded-twins.js';
import { ChannelMixer } from './channel-mixer.js';
import { TrackShaper } from './track-shaper.js';

const RATE_HZ = 48_000;
const [one = new Float32Array(0), other = new Float32Array(0)] = voice(3, RATE_HZ, 2);
const scaled = (samples: Float32Array, by: number): Float32Array => samples.map((value) => value * by);
const silent = new Float32Array(one.length);
const sum = (...parts: Float32Array[]): Float32Array =>
  parts.reduce(
    (total, part) => total.map((value, i) => value + (part[i] ?? 0)),
    new Float32Array(parts[0]?.length ?? 0),
  );
const rms = (samples: Float32Array): number =>
  Math.sqrt(samples.reduce((total, value) => total + value * value, 0) / samples.length);
const hiss = (seed: number, level: number): Float32Array => {
  const random = seededRandom(seed);
  return Float32Array.from(one, () => (random() * 2 - 1) * level);
};
const decibels = (ratio: number): number => 20 * Math.log10(ratio);

function mixed(
  planar: readonly Float32Array[],
  pieceSamples: () => number = () => 1e9,
): { samples: Float32Array; warnings: string[] } {
  const shaper = new TrackShaper('mix', { maxDurationMs: 60_000, maxChannels: 64 });
  const pieces: Float32Array[][] = [];
  for (let at = 0; at < one.length;) {
    const step = pieceSamples();
    pieces.push(
      shaper.push(
        planar.map((channel) => channel.slice(at, at + step)),
        RATE_HZ,
      ),
    );
    at += step;
  }
  pieces.push(shaper.finish());
  return { samples: joinedPieces(pieces)[0] ?? silent, warnings: shaper.mixWarnings().map(({ code }) => code) };
}

const [alone] = [mixed([one]).samples];
const offset = (by: number): Float32Array => new Float32Array(one.length).fill(by);
const hum = Float32Array.from(one, (_, i) => 0.1 * Math.sin((2 * Math.PI * 50 * i) / RATE_HZ));

const LOST: Readonly<Record<string, readonly Float32Array[]>> = {
  'opposite phase': [one, scaled(one, -1)],
  'nearly opposite phase': [one, scaled(one, -0.9)],
  'opposite phase under hiss': [sum(one, hiss(1, 0.005)), sum(scaled(one, -1), hiss(2, 0.005))],
  'opposite phase with an offset in both': [sum(one, offset(0.05)), sum(scaled(one, -1), offset(0.05))],
  'opposite phase with hum in both': [sum(one, hum), sum(scaled(one, -1), hum)],
  'four channels, two turned over': [one, scaled(one, -1), one, scaled(one, -1)],
  'one of eight channels': [silent, silent, silent, one, silent, silent, silent, silent],
  'one of sixteen under hiss': Array.from({ length: 16 }, (_, i) => (i === 9 ? one : hiss(i, 0.001))),
};

for (const [name, planar] of Object.entries(LOST)) {
  test(`The mix keeps what averaging would lose, and says so: ${name}`, () => {
    const { samples, warnings } = mixed(planar);
    // Speech is there from its first tenth of a second on, at the level of the loudest channel.
    const from = 1_600;
    assert.ok(
      correlation(alone.subarray(from), samples.subarray(from), 2) > 0.9 ||
        correlation(alone.subarray(from), scaled(samples.subarray(from), -1), 2) > 0.9,
      name,
    );
    assert.ok(
      Math.abs(decibels(rms(samples.subarray(from)) / rms(alone.subarray(from)))) < 3,
      String(decibels(rms(samples) / rms(alone))),
    );
    assert.deepEqual(warnings, ['mix_adjusted']);
    const random = seededRandom(4);
    for (const pieceSamples of [() => 37, () => 1 + Math.floor(random() * 5_000)])
      assert.deepEqual(mixed(planar, pieceSamples).samples, samples);
  });
}

test('The mix is the average, to the sample and without a warning, where nothing is lost', () => {
  for (const planar of [
    [one, one],
    [one, other],
    [one, silent],
    [one, scaled(one, 0.1)],
    [one, scaled(one, -0.1)],
    [one, hiss(3, 0.01)],
    [one, other, scaled(one, 0.5)],
    [silent, silent],
  ]) {
    const share = 1 / planar.length;
    assert.deepEqual(
      new ChannelMixer(planar.length, RATE_HZ).mix(planar),
      sum(...planar).map((value) => value * share),
    );
    assert.deepEqual(mixed(planar).warnings, []);
  }
});

test('The mix stays as it is through pauses, and is the average again once the channels agree', () => {
  const half = Math.floor(one.length / 2);
  const pause = hiss(5, 0.001);
  const quiet = hiss(6, 0.001);
  const mixer = new ChannelMixer(2, RATE_HZ);
  mixer.mix([one, scaled(one, -1)]);
  for (let second = 0; second < 4; second++) mixer.mix([pause, quiet]);
  const again = mixer.mix([one, scaled(one, -1)]);
  assert.ok(rms(again.subarray(0, 2_400)) > 0.9 * rms(one.subarray(0, 2_400)));
  mixer.mix([one, other]);
  assert.deepEqual(
    mixer.mix([one, other]).subarray(half),
    sum(one, other)
      .map((value) => value / 2)
      .subarray(half),
  );
});

test('Where a channel changes its polarity in mid-recording, no more than 60 ms are faint', () => {
  const windowSamples = RATE_HZ * 0.02;
  const windows = (samples: Float32Array): number[] =>
    Array.from({ length: Math.floor(samples.length / windowSamples) }, (_, i) =>
      rms(samples.subarray(i * windowSamples, (i + 1) * windowSamples)),
    );
  for (const everySeconds of [0.4, 1, 1.5]) {
    const turned = one.map((value, i) => (Math.floor(i / RATE_HZ / everySeconds) % 2 === 1 ? -value : value));
    const wanted = windows(one);
    const heard = windows(new ChannelMixer(2, RATE_HZ).mix([one, turned]));
    const faint = wanted.flatMap((level, i) => (level > 0.02 && (heard[i] ?? 0) < level / 2 ? [i] : []));
    const changes = Math.ceil(3 / everySeconds) - 1;
    // What is faint in a row at one change.
    assert.ok(
      faint.length <= changes * 3,
      `every ${String(everySeconds)} s: ${String(faint.length * 20)} ms are faint at ${String(changes)} changes`,
    );
  }
});
