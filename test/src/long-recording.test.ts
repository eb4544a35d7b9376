import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe, type TranscribeAnswer } from './harness/api-requests.js';
import { bytesOf, sharedClips } from './harness/speech.js';
import { RATE_HZ, pcmOf, wavFile } from './harness/wav.js';
import { WHISPER_TINY_EN, WITHOUT_WHISPER } from './harness/whisper-models.js';
import { wordErrors, words } from './harness/word-errors.js';

interface Spoken {
  readonly said: string;
  readonly pcm: Int16Array;
}

interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  readonly approximate?: boolean;
}

type WordedAnswer = Omit<TranscribeAnswer, 'segments'> & {
  readonly segments: readonly (TranscribeAnswer['segments'][number] & { readonly words?: readonly Word[] })[];
};

interface Placed {
  readonly clip: Spoken;
  readonly startMs: number;
}

const LENGTH_MS = 600_000;

/** Clips in a row, in an order and with pauses of 0.2 to 3 s that are the same in every run. */
function tenMinutes(clips: readonly Spoken[]): { pcm: Int16Array; placed: Placed[] } {
  let state = 11;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const pcm = new Int16Array((LENGTH_MS * RATE_HZ) / 1_000);
  const placed: Placed[] = [];
  for (let at = RATE_HZ; ;) {
    const clip = clips[Math.floor(random() * clips.length)];
    if (clip === undefined || at + clip.pcm.length > pcm.length) return { pcm, placed };
    pcm.set(clip.pcm, at);
    placed.push({ clip, startMs: (at * 1_000) / RATE_HZ });
    at += clip.pcm.length + Math.round((0.2 + 2.8 * random()) * RATE_HZ);
  }
}

/** Where a clip begins to sound: the first 60 ms of which each 20 ms have a tenth of its loudest 20 ms. */
function onsetMs({ pcm }: Spoken): number {
  const frame = RATE_HZ / 50;
  const levels = Array.from({ length: Math.floor(pcm.length / frame) }, (_, i) =>
    Math.hypot(...pcm.subarray(i * frame, (i + 1) * frame)),
  );
  const loud = Math.max(...levels) / 10;
  return 20 * levels.findIndex((_, i) => levels.slice(i, i + 3).every((level) => level >= loud));
}

describe('A recording of ten minutes', { skip: WITHOUT_WHISPER }, () => {
  let clips: Spoken[];
  before(
    async () => {
      const chosen = sharedClips().filter(
        (clip) => clip.language === 'en' && clip.name.endsWith('.wav') && clip.said.length === 1,
      );
      clips = await Promise.all(
        chosen.map(async (clip) => ({ said: clip.said.join(' '), pcm: pcmOf(await bytesOf(clip)) })),
      );
    },
    { timeout: 600_000 },
  );

  for (const { name, worker, exactStarts } of [
    { name: 'Whisper tiny.en', worker: { MODEL_PATH: WHISPER_TINY_EN, MODEL_DTYPE: 'int8' }, exactStarts: true },
    { name: 'Moonshine tiny', worker: {}, exactStarts: false },
  ]) {
    describe(`through ${name}`, () => {
      let cluster: Cluster;
      let whole: WordedAnswer;
      let placed: Placed[];
      before(
        async () => {
          cluster = await Cluster.start({ worker });
          const recording = tenMinutes(clips);
          placed = recording.placed;
          whole = await transcribe(cluster.url, wavFile(recording.pcm), '?word_timestamps=true');
        },
        { timeout: 600_000 },
      );
      after(async () => {
        await cluster.close();
      });

      test('No more words are wrong than in the clips one by one', { timeout: 600_000 }, async () => {
        const errorsOf = async (clip: Spoken): Promise<number> =>
          wordErrors(words(clip.said), words((await transcribe(cluster.url, wavFile(clip.pcm))).text));
        const alone = new Map(await Promise.all(clips.map(async (clip) => [clip, await errorsOf(clip)] as const)));
        const expected = placed.reduce((sum, { clip }) => sum + (alone.get(clip) ?? 0), 0);
        const said = placed.flatMap(({ clip }) => words(clip.said));
        const heard = words(whole.text);
        assert.ok(
          Math.abs(heard.length - said.length) <= expected,
          `${String(heard.length)} words of ${String(said.length)}`,
        );
        const errors = wordErrors(said, heard);
        // None is lost or added. One may come out otherwise among other sound, and on another processor ("asked" for "ask", twice, with AVX2).
        assert.ok(
          placed.length > 90 && errors <= expected + 0.003 * said.length,
          `${String(errors)} words wrong joined, ${String(expected)} one by one`,
        );
      });

      test('Times go forward and stay within the recording', () => {
        const starts = whole.segments.map((segment) => segment.start);
        assert.deepEqual(
          starts,
          [...starts].sort((a, b) => a - b),
        );
        const all = whole.segments.flatMap((segment) => segment.words ?? []);
        all.forEach((word, i) => {
          assert.ok(
            word.start >= (all[i - 1]?.start ?? 0) && word.end >= word.start && word.end <= LENGTH_MS / 1_000,
            JSON.stringify([all[i - 1], word]),
          );
        });
        assert.deepEqual(
          whole.segments.filter((segment) => segment.end < segment.start),
          [],
        );
      });

      test(
        exactStarts
          ? 'Every clip begins within 0.3 s of its sound'
          : 'Times of words are marked as approximate, and every clip begins within 3 s of its sound',
        () => {
          const all = whole.segments.flatMap((segment) => segment.words ?? []);
          const heard = all.map((word) => words(word.word).join(' '));
          const limit = exactStarts ? 0.3 : 3;
          for (const { clip, startMs } of placed) {
            const beginning = words(clip.said).slice(0, 3).join(' ');
            const sound = (startMs + onsetMs(clip)) / 1_000;
            // Moonshine hears a beginning otherwise now and then; where it is heard its time counts.
            const starts = all
              .filter((_, i) => heard.slice(i, i + 3).join(' ') === beginning)
              .map((word) => word.start);
            const off = Math.min(...starts.map((start) => Math.abs(start - sound)));
            if (exactStarts || off < 20)
              assert.ok(off <= limit, `"${beginning}" at ${sound.toFixed(2)} s is ${off.toFixed(2)} s off`);
          }
          assert.ok(all.every((word) => (word.approximate ?? false) === !exactStarts));
        },
      );
    });
  }
});
