import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { seededRandom } from '../decode/testing/encoded-twins.js';
import {
  DETECT,
  VAD_MODEL_PATH,
  WITHOUT_MODEL,
  WITHOUT_RECORDINGS,
  concatenated,
  noise,
  recordingChannel,
  tone,
} from '../testing/detection-samples.js';
import { WINDOW_SAMPLES, measureWindow } from './audio-window.js';
import type { DetectedWindow, DetectorSnapshot } from './detector.js';
import { SileroModel } from './silero-model.js';
import { VoiceDetector } from './voice-detector.js';

/** Samples of a window that the gate takes for silence: a hum of 100 Hz at a fifth of the limit. */
const hum = (samples: number): Float32Array => tone(samples, 100, 0.001);
const loud = (windows: number): Float32Array => noise(windows * WINDOW_SAMPLES, 0.1, seededRandom(9));

void test('A window is measured by its root mean square and the changes of sign inside it', () => {
  const square = Float32Array.of(0.5, 0.5, -0.5, -0.5, 0.5, 0.5);
  assert.deepEqual(measureWindow(square, 0, 6), { rms: 0.5, zeroCrossings: 2 });
  assert.deepEqual(measureWindow(square, 2, 4), { rms: 0.5, zeroCrossings: 0 });
  assert.deepEqual(measureWindow(new Float32Array(512), 0, 512), { rms: 0, zeroCrossings: 0 });
});

void describe('VoiceDetector', { skip: WITHOUT_MODEL }, () => {
  let model: SileroModel;
  before(async () => {
    model = await SileroModel.open(VAD_MODEL_PATH);
  });
  after(async () => {
    await model.close();
  });

  async function detected(
    pcm: Float32Array,
    options = DETECT,
    pieceSamples: () => number = () => 65_536,
  ): Promise<DetectedWindow[]> {
    const detector = new VoiceDetector(model, options);
    const windows: DetectedWindow[] = [];
    for (let start = 0; start < pcm.length;) {
      const size = pieceSamples();
      windows.push(...(await detector.push(pcm.subarray(start, start + size))));
      start += size;
    }
    const end = await detector.finish();
    assert.equal(end.totalSamples, pcm.length);
    const all = [...windows, ...end.windows];
    assert.deepEqual(
      all.map((window) => window.index),
      Array.from({ length: Math.ceil(pcm.length / WINDOW_SAMPLES) }, (_, index) => index),
    );
    return all.map((window, index) =>
      index === all.length - 1 ? { ...window, events: [...window.events, ...end.events] } : window,
    );
  }

  const utterances = (windows: readonly DetectedWindow[]): { startSamples: number; endSamples: number }[] =>
    windows.flatMap((window) =>
      window.events.flatMap((event) =>
        event.type === 'utterance' ? [{ startSamples: event.startSamples, endSamples: event.endSamples }] : [],
      ),
    );

  void test('Silence never reaches the model; the gate can be turned off', async () => {
    const pcm = hum(50 * WINDOW_SAMPLES);
    assert.ok((await detected(pcm)).every((window) => window.gated && window.probability === 0));
    assert.ok((await detected(pcm, { ...DETECT, gateZeroCrossings: 0 })).every((window) => !window.gated));
    assert.ok((await detected(pcm, { ...DETECT, gateRms: 0 })).every((window) => !window.gated));
  });

  void test('Both limits of the gate must hold: quiet hiss and loud hum go to the model', async () => {
    assert.ok((await detected(noise(30 * WINDOW_SAMPLES, 0.002, seededRandom(3)))).every((window) => !window.gated));
    assert.ok((await detected(tone(30 * WINDOW_SAMPLES, 100, 0.02))).every((window) => !window.gated));
  });

  void test('The model hears ten windows of what comes before a sound; the gate answers for all before those', async () => {
    const windows = await detected(concatenated(hum(40 * WINDOW_SAMPLES), loud(1), hum(40 * WINDOW_SAMPLES)));
    const heard = windows.filter((window) => !window.gated).map((window) => window.index);
    assert.deepEqual(
      heard,
      Array.from({ length: 11 }, (_, index) => 30 + index),
    );
  });

  void test('The gate answers for nothing within 300 ms of speech', { skip: WITHOUT_RECORDINGS }, async () => {
    const speech = recordingChannel('harvard-spk1-3.wav');
    const pcm = concatenated(
      hum(60 * WINDOW_SAMPLES),
      speech,
      hum(60 * WINDOW_SAMPLES),
      speech,
      hum(60 * WINDOW_SAMPLES),
    );
    const windows = await detected(pcm, { ...DETECT, minSilenceMs: 32 });
    const speaking = windows.filter((window) => window.speaking).map((window) => window.index);
    const gated = windows.filter((window) => window.gated);
    assert.ok(gated.length > 100);
    for (const { index } of gated) {
      for (const other of speaking)
        assert.ok(
          (Math.abs(index - other) - 1) * 32 >= 300,
          `window ${String(index)} is too near to speech in ${String(other)}`,
        );
    }
  });

  void test('The gate does not change where speech is found', { skip: WITHOUT_RECORDINGS }, async () => {
    const speech = recordingChannel('harvard-spk1-1.wav');
    const pcm = concatenated(hum(100 * WINDOW_SAMPLES), speech, hum(100 * WINDOW_SAMPLES), speech);
    const gated = utterances(await detected(pcm));
    const asked = utterances(await detected(pcm, { ...DETECT, gateZeroCrossings: 0 }));
    assert.equal(gated.length, 2);
    assert.equal(asked.length, gated.length);
    for (const [index, { startSamples, endSamples }] of asked.entries()) {
      assert.ok(Math.abs(startSamples - (gated[index]?.startSamples ?? NaN)) <= 2 * WINDOW_SAMPLES);
      assert.ok(Math.abs(endSamples - (gated[index]?.endSamples ?? NaN)) <= 2 * WINDOW_SAMPLES);
    }
  });

  void test(
    'Pieces of any size give the same decisions at the same moments of the stream',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const random = seededRandom(11);
      const pcm = concatenated(
        hum(9_000),
        recordingChannel('harvard-spk1-2.wav'),
        hum(30_001),
        loud(1),
        hum(7_000),
        recordingChannel('two-speakers-stereo.wav', 1),
        hum(2_345),
      );
      const whole = await detected(pcm, DETECT, () => pcm.length);
      for (const pieceSamples of [
        (): number => 1 + Math.floor(random() * 30),
        (): number => 320,
        (): number => 1 + Math.floor(random() * 20_000),
      ]) {
        const pieces = await detected(pcm, DETECT, pieceSamples);
        assert.equal(pieces.length, whole.length);
        for (const [index, window] of whole.entries()) {
          const { probability, ...decision } = pieces[index] ?? assert.fail();
          const { probability: expected, ...same } = window;
          assert.deepEqual(decision, same);
          assert.ok(Math.abs(probability - expected) < 1e-5);
        }
      }
    },
  );

  void test(
    'A detector goes on from its snapshot as if nothing had happened',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const pcm = concatenated(
        hum(20_000),
        recordingChannel('harvard-spk1-5.wav'),
        hum(20_000),
        recordingChannel('harvard-spk1-6.wav'),
      );
      const whole = await detected(pcm);
      for (const cut of [0, 300, 20_700, 40_123, 70_000, 90_001]) {
        const first = new VoiceDetector(model, DETECT);
        const windows = await first.push(pcm.subarray(0, cut));
        const text = JSON.stringify(first.snapshot());
        assert.ok(text.length < 40_000);
        const second = new VoiceDetector(model, DETECT, JSON.parse(text) as DetectorSnapshot);
        windows.push(...(await second.push(pcm.subarray(cut))));
        const end = await second.finish();
        assert.equal(end.totalSamples, pcm.length);
        assert.deepEqual(
          [
            ...utterances([...windows, ...end.windows]),
            ...end.events.map(({ startSamples }) => ({ startSamples, endSamples: pcm.length })),
          ],
          utterances(whole),
        );
      }
    },
  );

  void test('Recordings of noise and of an empty room give no utterance', { skip: WITHOUT_RECORDINGS }, async () => {
    for (const file of ['silence.wav', 'noise-dog.wav', 'noise-thunder.wav', 'noise-babble.wav'])
      assert.deepEqual(utterances(await detected(recordingChannel(file))), [], file);
  });

  void test(
    'Very quiet speech is heard from its first word, and very quiet noise is still no speech',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const quieter = (pcm: Float32Array, decibels: number): Float32Array =>
        Float32Array.from(pcm, (sample) => Math.round(sample * 10 ** (-decibels / 20) * 32_768) / 32_768);
      for (const file of ['jfk.wav', 'harvard-spk1-1.wav', 'harvard-spk1-4.wav', 'de.wav', 'fr.wav', 'es.wav']) {
        const wanted = utterances(await detected(recordingChannel(file)));
        for (const decibels of [20, 30, 40, 50]) {
          for (const before of [
            new Float32Array(0),
            hum(16_000),
            concatenated(
              new Float32Array(8_000),
              noise(WINDOW_SAMPLES, 0.3, seededRandom(1)),
              new Float32Array(20_000),
            ),
          ]) {
            const found = utterances(
              await detected(concatenated(before, quieter(recordingChannel(file), decibels)), DETECT, () => 3_001),
            ).map(({ startSamples, endSamples }) => ({
              startSamples: startSamples - before.length,
              endSamples: endSamples - before.length,
            }));
            const first = found.find(({ endSamples }) => endSamples > 0);
            assert.ok(
              (first?.startSamples ?? Infinity) <= (wanted[0]?.startSamples ?? NaN) + 4 * WINDOW_SAMPLES,
              `${file} at -${String(decibels)} dB: ${JSON.stringify(found)}`,
            );
            const seconds = (list: typeof found): number =>
              list.reduce(
                (sum, { startSamples, endSamples }) => sum + Math.max(0, endSamples - Math.max(0, startSamples)),
                0,
              );
            assert.ok(
              seconds(found) > 0.9 * seconds(wanted),
              `${file} at -${String(decibels)} dB: ${JSON.stringify(found)}`,
            );
          }
        }
      }
      for (const file of ['silence.wav', 'noise-dog.wav', 'noise-thunder.wav', 'noise-babble.wav']) {
        for (const decibels of [20, 40, 60])
          assert.deepEqual(
            utterances(await detected(quieter(recordingChannel(file), decibels))),
            [],
            `${file} at -${String(decibels)} dB`,
          );
      }
      for (const rms of [0.000_03, 0.001])
        assert.deepEqual(utterances(await detected(noise(160_000, rms, seededRandom(2)))), []);
    },
  );

  void test(
    'Speech is found in every recording that has some, and covers most of it',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      for (const [file, leastMs] of [
        ['jfk.wav', 7_000],
        ['harvard-spk1-1.wav', 2_300],
        ['harvard-spk1-4.wav', 2_000],
        ['de.wav', 3_500],
        ['fr.wav', 4_000],
        ['es.wav', 4_500],
      ] as const) {
        const speechMs = utterances(await detected(recordingChannel(file))).reduce(
          (sum, { startSamples, endSamples }) => sum + (endSamples - startSamples) / 16,
          0,
        );
        assert.ok(speechMs >= leastMs, `${file}: ${String(speechMs)} ms`);
      }
    },
  );
});
