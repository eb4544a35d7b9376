import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { Cluster } from './harness/cluster.js';
import { postRaw, transcribe, type ErrorAnswer, type TranscribeAnswer } from './harness/api-requests.js';
import { bytesOf, sharedClip, sharedClips, type Clip } from './harness/speech.js';
import { WHISPER_TINY_EN, WITHOUT_WHISPER } from './harness/whisper-models.js';
import { wordErrors, words } from './harness/word-errors.js';

type FilteredAnswer = TranscribeAnswer & {
  readonly filtered: readonly {
    readonly text: string;
    readonly reason: string;
    readonly start: number;
    readonly end: number;
  }[];
  readonly warnings: readonly { readonly code: string }[];
};

const JFK = 'and so my fellow americans ask not what your country can do for you ask what you can do for your country';

describe('Whisper tiny.en through the API', { skip: WITHOUT_WHISPER }, () => {
  let cluster: Cluster;
  let openai: OpenAI;
  before(async () => {
    cluster = await Cluster.start({ worker: { MODEL_PATH: WHISPER_TINY_EN, MAX_BATCH: '2' } });
    openai = new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey: 'unused', maxRetries: 0 });
  });
  after(async () => {
    await cluster.close();
  });

  const jfk = async (): ReturnType<typeof toFile> => toFile(await bytesOf(sharedClip('jfk.wav')), 'jfk.wav');
  const ask = async (clip: Clip, query = ''): Promise<FilteredAnswer> =>
    (await transcribe(cluster.url, await bytesOf(clip), query)) as FilteredAnswer;
  const noises = sharedClips().filter(({ said }) => said.join('') === '');
  const spoken = sharedClips().filter(({ language }) => language === 'en');

  test("OpenAI's Node client gets words with aligned times, segments with what the model says of them, and plain text", async () => {
    const verbose = await openai.audio.transcriptions.create({
      file: await jfk(),
      model: 'whisper-1',
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    assert.equal(words(verbose.text).join(' '), JFK);
    assert.deepEqual(
      (verbose.words ?? []).map(({ word }) => words(word).join('')),
      JFK.split(' '),
    );
    const times = (verbose.words ?? []).flatMap(({ start, end }) => [start, end]);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    const startOf = (nth: number): number => verbose.words?.[nth]?.start ?? -1;
    // Where faster-whisper hears "fellow" and the second "country" in the same recording.
    assert.ok(Math.abs(startOf(3) - 1.28) <= 0.3 && Math.abs(startOf(21) - 9.96) <= 0.4, JSON.stringify(verbose.words));
    for (const segment of verbose.segments ?? []) {
      assert.ok(
        segment.avg_logprob < 0 &&
          segment.avg_logprob > -0.6 &&
          segment.no_speech_prob < 0.1 &&
          segment.compression_ratio < 2.4,
        JSON.stringify(segment),
      );
      // Every word takes a token or more; a segment may be as short as two words before a pause.
      assert.ok(segment.tokens.length >= words(segment.text).length, JSON.stringify(segment));
    }
    assert.equal(verbose.language, 'english');
    assert.equal(
      words(
        await openai.audio.transcriptions.create({ file: await jfk(), model: 'whisper-1', response_format: 'text' }),
      ).join(' '),
      JFK,
    );
  });

  test("OpenAI's Node client gets subtitles as srt and vtt", async () => {
    const srt = await openai.audio.transcriptions.create({
      file: await jfk(),
      model: 'whisper-1',
      response_format: 'srt',
    });
    const vtt = await openai.audio.transcriptions.create({
      file: await jfk(),
      model: 'whisper-1',
      response_format: 'vtt',
    });
    assert.match(srt, /^1\n00:00:00,\d{3} --> 00:00:\d\d,\d{3}\nAnd so,? my fellow Americans/);
    assert.match(vtt, /^WEBVTT\n\n00:00:00\.\d{3} --> 00:00:\d\d\.\d{3}\nAnd so,? my fellow Americans/);
  });

  test('With word times, subtitles part a long segment between words, at the time of the word', async () => {
    const clip = sharedClip('jfk.wav');
    const answer = await ask(clip, '?word_timestamps=true');
    const wordStarts = answer.segments.flatMap((segment) =>
      (segment as unknown as { words: { start: number }[] }).words.map(({ start }) => Math.round(start * 1_000)),
    );
    for (const format of ['srt', 'vtt']) {
      const response = await postRaw(cluster.url, new Blob([new Uint8Array(await bytesOf(clip))]), {
        query: `?word_timestamps=true&response_format=${format}`,
      });
      const cues = [...(await response.text()).matchAll(/(\d\d):(\d\d):(\d\d)[.,](\d{3}) --> .*\n(.+)\n/g)].map(
        (match) => ({
          startMs: ((Number(match[1]) * 60 + Number(match[2])) * 60 + Number(match[3])) * 1_000 + Number(match[4]),
          text: match[5] ?? '',
        }),
      );
      assert.equal(words(cues.map(({ text }) => text).join(' ')).join(' '), JFK, format);
      assert.ok(cues.length >= 2 && cues.every(({ text }) => text.length <= 84), JSON.stringify(cues));
      for (const { startMs } of cues)
        assert.ok(
          wordStarts.some((one) => Math.abs(one - startMs) <= 1),
          `${format}: a cue begins at ${String(startMs)} ms, words at ${wordStarts.join(', ')}`,
        );
    }
  });

  test('Translation and other languages are refused: the model knows English only', async () => {
    await assert.rejects(
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- clients still call it, and must be told
      openai.audio.translations.create({ file: await jfk(), model: 'whisper-1' }),
      (error: unknown) =>
        error instanceof OpenAI.BadRequestError &&
        error.code === 'unsupported_task' &&
        /multilingual/.test(error.message),
    );
    await assert.rejects(
      openai.audio.transcriptions.create({ file: await jfk(), model: 'whisper-1', language: 'de' }),
      (error: unknown) =>
        error instanceof OpenAI.BadRequestError && error.code === 'unsupported_language' && error.param === 'language',
    );
  });

  for (const clip of noises) {
    test(`In ${clip.name} nothing is heard; without detection the text that the model invents is listed; without filters it shows`, async () => {
      const detected = await ask(clip);
      assert.equal(detected.text, '');
      assert.deepEqual(detected.segments, []);
      const undetected = await ask(clip, '?vad=false');
      assert.equal(undetected.text, '');
      const phantoms = undetected.filtered.filter(({ text }) => text !== '');
      assert.ok(phantoms.length > 0, JSON.stringify(undetected.filtered));
      for (const { reason, start, end } of phantoms)
        assert.ok(reason !== 'no_text' && start >= 0 && end >= start && end <= undetected.duration + 0.001);
      const unfiltered = await ask(clip, '?vad=false&filter=false');
      assert.notEqual(unfiltered.text, '');
      assert.deepEqual(
        unfiltered.filtered.filter(({ text }) => text !== ''),
        [],
      );
    });
  }

  for (const clip of spoken) {
    test(`No filter takes a word of ${clip.name}, with detection and without`, async () => {
      for (const query of ['?', '?vad=false&']) {
        const filtered = await ask(clip, query);
        assert.deepEqual(
          filtered.filtered.filter(({ text }) => text !== ''),
          [],
        );
        assert.equal(filtered.text, (await ask(clip, `${query}filter=false`)).text);
        assert.ok(words(filtered.text).length >= 3, filtered.text);
      }
    });
  }

  test('The clips that one person speaks are heard with at most four words wrong in all', async () => {
    const clear = spoken.filter(({ said }) => said.length === 1);
    const errors = await Promise.all(
      clear.map(async (clip) => {
        const numbers = (text: string): string =>
          text.replace(/\b1\b/g, 'one').replace(/\b2\b/g, 'two').replace(/\b3\b/g, 'three');
        return wordErrors(words(clip.said.join(' ')), words(numbers((await ask(clip)).text)));
      }),
    );
    assert.ok(
      errors.reduce((sum, one) => sum + one, 0) <= 4,
      clear.map(({ name }, i) => `${name} ${String(errors[i])}`).join(', '),
    );
  });

  test('A prompt that is longer than the model takes is trimmed, and the answer says so; a short one is not', async () => {
    const clip = sharedClip('harvard-spk1-6.wav');
    const long = await ask(clip, `?prompt=${encodeURIComponent('Pencils and papers. '.repeat(150))}`);
    assert.deepEqual(
      long.warnings.map(({ code }) => code),
      ['prompt_trimmed'],
    );
    assert.match(long.text, /pencils/i);
    assert.deepEqual((await ask(clip, '?prompt=Pencils.')).warnings, []);
  });

  test('A temperature that is no number is refused by name', async () => {
    for (const temperature of ['NaN', 'Infinity', '-1', 'hot']) {
      const response = await postRaw(
        cluster.url,
        new Blob([new Uint8Array(await bytesOf(sharedClip('harvard-spk1-6.wav')))]),
        { query: `?temperature=${temperature}` },
      );
      assert.equal(response.status, 400, temperature);
      const { error } = (await response.json()) as ErrorAnswer;
      assert.deepEqual([error.code, error.param], ['invalid_field', 'temperature']);
    }
  });

  test('What the model can do is told: English, no translation, aligned word times, chunks of 30 s', async () => {
    const { model } = (await (await fetch(`${cluster.url}/capabilities`)).json()) as { model: Record<string, unknown> };
    assert.deepEqual(model, {
      id: 'whisper-tiny.en',
      family: 'whisper',
      dtype: 'int8',
      languages: ['en'],
      tasks: ['transcribe'],
      word_times: 'aligned',
      detects_language: false,
      max_chunk_seconds: 30,
    });
  });

  test('What filters take is counted by reason', async () => {
    const metrics = await cluster.workers[0]?.metrics();
    assert.match(
      metrics ?? '',
      /^asr_filtered_total\{reason="(?:doubt|no_speech|phantom_phrase|repetition|letters)"\} [1-9]/m,
    );
  });
});
