import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DeepgramClient } from '@deepgram/sdk';
import { Cluster } from './harness/cluster.js';
import { paced, twoSentences } from './harness/paced.js';
import { RATE_HZ, wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let cluster: Cluster;
let deepgram: DeepgramClient;
let pcm: Int16Array;
let said: readonly string[];

before(async () => {
  ({ pcm, said } = await twoSentences());
  cluster = await Cluster.start({ relays: 1 });
  deepgram = new DeepgramClient({
    apiKey: 'unused',
    environment: {
      base: cluster.url,
      production: cluster.url.replace('http', 'ws'),
      agent: cluster.url,
      agentRest: cluster.url,
    } as never,
  });
});

after(async () => {
  await cluster.close();
});

interface Told {
  readonly type: string;
  readonly is_final?: boolean;
  readonly speech_final?: boolean;
  readonly from_finalize?: boolean;
  readonly start?: number;
  readonly duration?: number;
  readonly last_word_end?: number;
  readonly channel?: {
    readonly alternatives: readonly {
      readonly transcript: string;
      readonly words: readonly { readonly start: number; readonly end: number; readonly word: string }[];
    }[];
  };
}

const textOf = (message: Told): string => message.channel?.alternatives[0]?.transcript ?? '';

test('The Node client hears interim results, then right ones, ends of speech, and Metadata at its end', async () => {
  const connection = await deepgram.listen.v1.connect({
    model: 'nova-3',
    language: 'en',
    encoding: 'linear16',
    sample_rate: RATE_HZ,
    channels: 1,
    interim_results: 'true',
    vad_events: 'true',
    utterance_end_ms: 1_000,
    endpointing: 25,
    punctuate: 'true',
    reconnectAttempts: 0,
    Authorization: 'Token unused',
  });
  const told: Told[] = [];
  connection.on('message', (message) => {
    told.push(message as Told);
  });
  const closed = new Promise<number>((resolve) => {
    connection.on('close', (event) => {
      resolve(event.code);
    });
  });
  connection.connect();
  await connection.waitForOpen();
  await paced(pcm, (frame) => {
    connection.sendMedia(frame);
  });
  connection.sendFinalize({ type: 'Finalize' });
  connection.sendCloseStream({ type: 'CloseStream' });
  assert.equal(await closed, 1000);
  const results = told.filter(({ type }) => type === 'Results');
  const finals = results.filter((message) => message.is_final === true && textOf(message) !== '');
  const text = finals.map(textOf).join(' ');
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
  assert.ok(finals.every((message) => message.speech_final === true));
  for (const final of finals) {
    const interim = results.filter(
      (message) => message.is_final === false && Math.abs((message.start ?? 0) - (final.start ?? 0)) < 0.5,
    );
    assert.ok(
      interim.some((message) => results.indexOf(message) < results.indexOf(final)),
      'interim results come first',
    );
    const heard = final.channel?.alternatives[0]?.words ?? [];
    assert.ok(
      heard.length > 0 &&
        heard.every(
          ({ start, end }) =>
            start <= end &&
            start >= (final.start ?? 0) - 0.5 &&
            end <= (final.start ?? 0) + (final.duration ?? 0) + 0.5,
        ),
    );
  }
  assert.ok(told.some(({ type }) => type === 'SpeechStarted'));
  assert.ok(told.filter(({ type }) => type === 'UtteranceEnd').length >= 1);
  assert.ok(results.some((message) => message.from_finalize === true));
  assert.equal(told.at(-1)?.type, 'Metadata');
});

test('A WAV that is streamed without a word about its form is understood', async () => {
  const connection = await deepgram.listen.v1.connect({
    model: 'nova-3',
    reconnectAttempts: 0,
    Authorization: 'Token unused',
  });
  const told: Told[] = [];
  connection.on('message', (message) => {
    told.push(message as Told);
  });
  const closed = new Promise<number>((resolve) => {
    connection.on('close', (event) => {
      resolve(event.code);
    });
  });
  connection.connect();
  await connection.waitForOpen();
  const file = wavFile(pcm);
  for (let at = 0; at < file.length; at += 4_000) connection.sendMedia(file.subarray(at, at + 4_000));
  connection.sendCloseStream({ type: 'CloseStream' });
  assert.equal(await closed, 1000);
  const text = told
    .filter((message) => message.is_final === true)
    .map(textOf)
    .join(' ');
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
});

test('The Node client has a file transcribed, with words and utterances', async () => {
  const answer = (await deepgram.listen.v1.media.transcribeFile(wavFile(pcm), {
    model: 'nova-3',
    smart_format: true,
    utterances: true,
  })) as {
    metadata: { duration: number };
    results: {
      channels: { alternatives: { transcript: string; words: { word: string; start: number }[] }[] }[];
      utterances: { transcript: string }[];
    };
  };
  const [alternative] = answer.results.channels[0]?.alternatives ?? [];
  const text = alternative?.transcript ?? '';
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
  assert.ok(Math.abs(answer.metadata.duration - pcm.length / RATE_HZ) < 0.01);
  assert.deepEqual(words((alternative?.words ?? []).map(({ word }) => word).join(' ')).length, words(text).length);
  assert.equal(answer.results.utterances.map(({ transcript }) => transcript).join(' '), text);
});

test('What is refused is told in the form that the Node client knows', async () => {
  await assert.rejects(
    deepgram.listen.v1.media.transcribeFile(Buffer.from('this is no audio'), { model: 'nova-3' }),
    (error: unknown) =>
      (error as { statusCode?: number }).statusCode === 400 &&
      JSON.stringify((error as { body?: unknown }).body).includes('failed to process audio'),
  );
});
