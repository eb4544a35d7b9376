import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { transcribe } from './harness/api-requests.js';
import { bytesOf, sharedClip } from './harness/speech.js';
import { ROOT } from './harness/service-process.js';
import { joined, pcmOf, RATE_HZ, wavFile } from './harness/wav.js';
import { WHISPER_TINY_EN, WITHOUT_WHISPER } from './harness/whisper-models.js';
import { words } from './harness/word-errors.js';

interface Sound {
  readonly startMs: number;
  readonly endMs: number;
}
interface Said {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const PAUSE_MS = 1_200;
const NEAR_S = 0.3;
const NAMES = [1, 2, 3, 4, 5].map((clip) => `harvard-spk1-${String(clip)}.wav`);
const WHISPER_BASE = join(ROOT, '..', 'shared', 'models', 'whisper-base');
const WITHOUT_BASE = existsSync(join(WHISPER_BASE, 'onnx'))
  ? WITHOUT_WHISPER
  : 'the model whisper-base is not beside the checkout';

/** Where a clip sounds: from the first to the last 60 ms of which each 20 ms have a tenth of its loudest 20 ms. */
function soundOf(pcm: Int16Array, offsetMs: number): Sound {
  const frame = RATE_HZ / 50;
  const levels = Array.from({ length: Math.floor(pcm.length / frame) }, (_, i) =>
    Math.hypot(...pcm.subarray(i * frame, (i + 1) * frame)),
  );
  const loud = Math.max(...levels) / 10;
  const sounds = levels.map((_, i) => levels.slice(i, i + 3).every((level) => level >= loud));
  return { startMs: offsetMs + 20 * sounds.indexOf(true), endMs: offsetMs + 20 * (sounds.lastIndexOf(true) + 3) };
}

function nearest(segments: readonly Said[], timeMs: number, edge: 'start' | 'end'): number {
  return Math.min(...segments.map((segment) => Math.abs(segment[edge] - timeMs / 1_000)));
}

for (const { name, worker, skip } of [
  { name: 'Moonshine tiny', worker: {}, skip: WITHOUT_WHISPER },
  { name: 'Whisper tiny.en', worker: { MODEL_PATH: WHISPER_TINY_EN, MODEL_DTYPE: 'int8' }, skip: WITHOUT_WHISPER },
  { name: 'Whisper base', worker: { MODEL_PATH: WHISPER_BASE, MODEL_DTYPE: 'int8' }, skip: WITHOUT_BASE },
]) {
  describe(`Five sentences with pauses of 1.2 s through ${name}`, { skip }, () => {
    let cluster: Cluster;
    let file: Buffer;
    let sounds: Sound[];
    const form = (fields: Readonly<Record<string, string>>): FormData => {
      const body = new FormData();
      for (const [field, value] of Object.entries(fields)) body.append(field, value);
      body.append('file', new Blob([new Uint8Array(file)]), 'five.wav');
      return body;
    };
    const post = async (path: string, fields: Readonly<Record<string, string>>): Promise<Response> => {
      const response = await fetch(`${cluster.url}${path}`, { method: 'POST', body: form(fields) });
      assert.equal(response.ok, true, `${path}: ${String(response.status)}`);
      return response;
    };
    const assertFollows = (segments: readonly Said[]): void => {
      const shown = JSON.stringify(segments.map(({ start, end, text }) => [start, end, text]));
      assert.ok(segments.length >= 5, shown);
      for (const sound of sounds) {
        assert.ok(
          nearest(segments, sound.startMs, 'start') <= NEAR_S,
          `nothing begins at ${String(sound.startMs)} ms: ${shown}`,
        );
        assert.ok(
          nearest(segments, sound.endMs, 'end') <= NEAR_S,
          `nothing ends at ${String(sound.endMs)} ms: ${shown}`,
        );
      }
      segments.forEach((segment, i) => {
        assert.ok(segment.end >= segment.start && segment.start >= (segments[i - 1]?.end ?? 0), shown);
      });
      assert.ok(
        segments.every((segment) =>
          sounds.some(
            (sound) => segment.start >= sound.startMs / 1_000 - NEAR_S && segment.end <= sound.endMs / 1_000 + NEAR_S,
          ),
        ),
        shown,
      );
    };

    before(async () => {
      const clips = await Promise.all(NAMES.map(async (clip) => pcmOf(await bytesOf(sharedClip(clip)))));
      let at = 0;
      sounds = clips.map((pcm) => {
        const sound = soundOf(pcm, at);
        at += pcm.length / 16 + PAUSE_MS;
        return sound;
      });
      file = wavFile(joined(clips, PAUSE_MS));
      cluster = await Cluster.start({ worker });
    });
    after(async () => {
      await cluster.close();
    });

    test('Segments of json and verbose_json lie each on its sentence, and their words inside them', async () => {
      for (const query of [
        '',
        '?word_timestamps=true',
        '?response_format=verbose_json',
        '?response_format=verbose_json&word_timestamps=true',
      ]) {
        const answer = await transcribe(cluster.url, file, query);
        assertFollows(answer.segments);
        assert.equal(answer.segments.map((segment) => segment.text.trim()).join(' '), answer.text);
        for (const segment of answer.segments as readonly (Said & {
          readonly words?: readonly { readonly word: string; readonly start: number; readonly end: number }[];
        })[]) {
          if (query !== '?word_timestamps=true') continue;
          const { words: timed = [] } = segment;
          assert.deepEqual(words(timed.map((word) => word.word).join(' ')), words(segment.text));
          assert.ok(
            timed.every(
              (word, i) =>
                word.start >= (timed[i - 1]?.start ?? segment.start) &&
                word.end <= segment.end &&
                word.start <= word.end,
            ),
            JSON.stringify(segment),
          );
        }
      }
    });

    test('The text is the same with and without times of words', async () => {
      const [plain, worded] = await Promise.all([
        transcribe(cluster.url, file),
        transcribe(cluster.url, file, '?word_timestamps=true'),
      ]);
      assert.equal(plain.text, worded.text);
      assert.deepEqual(
        plain.segments.map((segment) => segment.text),
        worded.segments.map((segment) => segment.text),
      );
    });

    test("Events of a stream, of OpenAI's stream and of a job tell them one by one, in order", async () => {
      const events = await (await post('/transcribe/stream', {})).text();
      const segments = [...events.matchAll(/^event: segment\n(?:id: .*\n)?data: (.*)$/gmu)].map(
        (match) => JSON.parse(match[1] ?? '') as Said,
      );
      assertFollows(segments);
      const openAi = await (await post('/v1/audio/transcriptions', { model: 'whisper-1', stream: 'true' })).text();
      const deltas = [...openAi.matchAll(/"type":"transcript.text.delta","delta":"(.*?)"\}/gu)].map(
        (match) => match[1] ?? '',
      );
      assert.ok(deltas.length >= 5, JSON.stringify(deltas));
      const job = (await (await post('/v1/jobs', {})).json()) as { id: string };
      const event = await (await fetch(`${cluster.url}/v1/jobs/${job.id}/events`)).text();
      assertFollows(
        [...event.matchAll(/^event: segment\n(?:id: .*\n)?data: (.*)$/gmu)].map(
          (match) => JSON.parse(match[1] ?? '') as Said,
        ),
      );
      assertFollows(
        ((await (await fetch(`${cluster.url}/v1/jobs/${job.id}/transcript.json`)).json()) as { segments: Said[] })
          .segments,
      );
    });
  });
}
