import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { WITHOUT_FFMPEG, encodedTwin, seededRandom, voice, wavFile } from '../decode/testing/encoded-twins.js';
import { SileroModel } from '../detect/silero-model.js';
import { VAD_MODEL_PATH, WITHOUT_MODEL, WITHOUT_RECORDINGS, recordingChannel } from '../testing/detection-samples.js';
import type { LiveSegmenterState, SegmentedPiece } from './live-segmenters.js';
import { LiveSegmenterStream } from './live-segmenter-stream.js';
import type { LiveSegmenterSettings } from './live-decoder.js';
import type { UtteranceEvent } from './utterance-tracker.js';

const SETTINGS: LiveSegmenterSettings = {
  encoding: 'pcm_s16le',
  sampleRateHz: 16_000,
  channels: 1,
  detect: true,
  threshold: 0.5,
  paddingMs: 200,
  endpointingMs: 400,
  maxUtteranceMs: 3_000,
};

function joinedPcm(heard: readonly SegmentedPiece[]): Buffer {
  return Buffer.concat(heard.map((one) => one.pcm));
}

function eventsOf(heard: readonly SegmentedPiece[]): UtteranceEvent[] {
  return heard.flatMap((one) => one.events);
}

describe('LiveSegmenterStream', { skip: WITHOUT_MODEL }, () => {
  let model: SileroModel;
  before(async () => {
    model = await SileroModel.open(VAD_MODEL_PATH);
  });
  after(async () => {
    await model.close();
  });

  async function whole(
    settings: LiveSegmenterSettings,
    bytes: Uint8Array,
    pieceBytes: number,
  ): Promise<SegmentedPiece[]> {
    const segmenter = new LiveSegmenterStream(settings, null, model);
    const heard: SegmentedPiece[] = [];
    for (let at = 0; at < bytes.length; at += pieceBytes)
      heard.push(await segmenter.push(bytes.subarray(at, at + pieceBytes)));
    heard.push(await segmenter.finish());
    return heard;
  }

  test(
    'A segmenter that starts again from a snapshot and the stored samples gives what an undisturbed one gives, at any rate',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const speech = recordingChannel('jfk.wav');
      const random = seededRandom(3);
      for (const sampleRateHz of [16_000, 48_000, 11_025]) {
        const settings: LiveSegmenterSettings = { ...SETTINGS, encoding: 'pcm_f32le', sampleRateHz };
        const bytes = new Uint8Array(atRate(speech.subarray(0, 100_000), sampleRateHz).buffer);
        const undisturbed = await whole(settings, bytes, 6_400);
        assert.ok(eventsOf(undisturbed).some((event) => event.type === 'ended'));

        let segmenter = new LiveSegmenterStream(settings, null, model);
        let state: LiveSegmenterState = { positionSamples: 0, snapshot: null, decoder: null };
        const heard: SegmentedPiece[] = [];
        let since: SegmentedPiece[] = [];
        for (let at = 0; at < bytes.length;) {
          const piece = bytes.subarray(at, at + 4 * Math.ceil(random() * 4_000));
          const one = await segmenter.push(piece);
          at += piece.length;
          heard.push(one);
          since.push(one);
          if (one.snapshot !== null) {
            state = {
              positionSamples: one.positionSamples,
              snapshot: JSON.parse(JSON.stringify(one.snapshot)) as LiveSegmenterState['snapshot'],
              decoder: null,
            };
            since = [];
          }
          if (random() < 0.2) {
            segmenter = new LiveSegmenterStream(settings, { ...state, decoder: one.decoder }, model);
            const again = await segmenter.replay(joinedPcm(since));
            assert.deepEqual(again.events, eventsOf(since));
          }
        }
        heard.push(await segmenter.finish());
        assert.deepEqual(joinedPcm(heard), joinedPcm(undisturbed));
        assert.deepEqual(eventsOf(heard), eventsOf(undisturbed));
        assert.equal(
          heard.reduce((sum, one) => sum + one.sourceSamples, 0),
          bytes.length / 4,
        );
      }
    },
  );

  test(
    'After an end that the detector did not find, silence and noise are no speech, nor is anything at the finish',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const speech = floatBytes(recordingChannel('jfk.wav'));
      const random = seededRandom(5);
      const settings: LiveSegmenterSettings = { ...SETTINGS, encoding: 'pcm_f32le', maxUtteranceMs: 15_000 };
      for (const end of ['commit', 'clear', 'pause'] as const) {
        for (const [at, amplitude] of [
          [1.3, 0],
          [2.1, 0.01],
          [4.57, 0],
          [5.9, 0.01],
          [8.63, 0.002],
          [9.77, 0.01],
        ] as const) {
          const segmenter = new LiveSegmenterStream(settings, null, model);
          await segmenter.push(speech.subarray(0, Math.round(at * 16_000) * 4));
          segmenter[end]();
          const rest = [
            await segmenter.push(
              floatBytes(Float32Array.from({ length: 24_000 }, () => (random() - 0.5) * 2 * amplitude)),
            ),
            await segmenter.finish(),
          ];
          assert.deepEqual(eventsOf(rest), [], `${end} at ${String(at)} s, noise of ${String(amplitude)}`);
        }
        const segmenter = new LiveSegmenterStream(settings, null, model);
        await segmenter.push(speech.subarray(0, 73_000 * 4));
        segmenter[end]();
        assert.deepEqual((await segmenter.finish()).events, [], `${end}, then the finish at once`);
      }
    },
  );

  test(
    'Speech that goes on across an end that the detector did not find loses nothing, and its start is reported after the end',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const speech = floatBytes(recordingChannel('jfk.wav'));
      for (const end of ['commit', 'pause'] as const) {
        for (const at of [1.3, 1.6, 4.1, 5.9, 8.63, 9.8]) {
          const positionSamples = Math.round(at * 16_000);
          const segmenter = new LiveSegmenterStream(
            { ...SETTINGS, encoding: 'pcm_f32le', maxUtteranceMs: 15_000 },
            null,
            model,
          );
          await segmenter.push(speech.subarray(0, positionSamples * 4));
          const [ended] = segmenter[end]().events;
          const after = eventsOf([
            await segmenter.push(speech.subarray(positionSamples * 4)),
            await segmenter.finish(),
          ]);
          assert.ok(ended?.type === 'ended', `speech was under way at ${String(at)} s`);
          const [started, next] = after;
          assert.ok(
            started?.type === 'started' &&
              started.utterance === ended.utterance + 1 &&
              started.speechStartSamples >= positionSamples,
            JSON.stringify(started),
          );
          assert.equal(
            next?.type === 'ended' && next.startSamples,
            ended.endSamples,
            `${end} at ${String(at)} s: the audio meets`,
          );
        }
      }
    },
  );

  test('Without detection no speech is reported that is not there when the client ends the utterance within a window', async () => {
    const segmenter = new LiveSegmenterStream({ ...SETTINGS, detect: false }, null, model);
    await segmenter.push(new Uint8Array(2_000 * 2));
    assert.equal(segmenter.commit().events.length, 1);
    assert.deepEqual((await segmenter.finish()).events, []);
  });

  test('Every encoding of bare samples is read alike', async () => {
    const [sound = new Float32Array(0)] = voice(1, 16_000, 1);
    const s16 = Int16Array.from(sound, (sample) => Math.round(sample * 32_767));
    const reference = joinedPcm(await whole(SETTINGS, new Uint8Array(s16.buffer), 3_200));
    assert.deepEqual(reference, Buffer.from(s16.buffer));
    const stereo = new Int16Array(s16.length * 2);
    s16.forEach((sample, at) => {
      stereo.set([sample, sample], at * 2);
    });
    assert.deepEqual(
      joinedPcm(await whole({ ...SETTINGS, channels: 2 }, new Uint8Array(stereo.buffer), 6_400)),
      reference,
    );
    for (const [encoding, bytes] of [
      ['pcm_u8', Uint8Array.from(s16, (sample) => Math.round(sample / 256) + 128)],
      ['mulaw', Uint8Array.from(s16, mulaw)],
    ] as const) {
      const pcm = joinedPcm(await whole({ ...SETTINGS, encoding }, bytes, 1_600));
      const error = s16.reduce((worst, sample, at) => Math.max(worst, Math.abs(sample - pcm.readInt16LE(at * 2))), 0);
      assert.ok(error < 600, `${encoding} is ${String(error)} off`);
    }
  });

  test(
    'Opus in Ogg and WebM is decoded as it arrives, and other bytes are refused',
    { skip: WITHOUT_FFMPEG },
    async () => {
      const sound = voice(3, 48_000, 1);
      for (const extension of ['ogg', 'webm']) {
        const bytes = encodedTwin(wavFile(sound, 48_000), ['-c:a', 'libopus'], extension);
        const segmenter = new LiveSegmenterStream({ ...SETTINGS, encoding: 'opus' }, null, model);
        const half = await segmenter.push(bytes.subarray(0, bytes.length >> 1));
        assert.ok(half.positionSamples > 8_000, 'half of the bytes give sound before the rest has come');
        const rest = [await segmenter.push(bytes.subarray(bytes.length >> 1)), await segmenter.finish()];
        const seconds = (rest[1]?.positionSamples ?? 0) / 16_000;
        assert.ok(Math.abs(seconds - 3) < 0.05, `${extension} gave ${String(seconds)} s`);
        assert.equal(
          [half, ...rest].reduce((sum, one) => sum + one.sourceSamples, 0),
          (rest[1]?.positionSamples ?? 0) * 3,
        );
      }
      const segmenter = new LiveSegmenterStream({ ...SETTINGS, encoding: 'opus' }, null, model);
      await assert.rejects(
        segmenter.push(new TextEncoder().encode('certainly no container')),
        (error: unknown) => error instanceof AsrError && error.code === 'unprocessable_audio',
      );
    },
  );
});

function floatBytes(samples: Float32Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** A recording of 16 kHz at another rate, by straight lines between its samples. */
function atRate(samples: Float32Array, rateHz: number): Float32Array {
  return Float32Array.from({ length: Math.floor((samples.length * rateHz) / 16_000) }, (_, index) => {
    const place = (index * 16_000) / rateHz;
    const at = Math.floor(place);
    const before = samples[at] ?? 0;
    return before + (place - at) * ((samples[at + 1] ?? before) - before);
  });
}

/** ITU-T G.711, as its segments say. */
function mulaw(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xff;
}
