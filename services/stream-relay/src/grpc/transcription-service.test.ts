import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from './testing/grpc-client.js';
import { testGrpc } from './testing/test-grpc.js';

describe('Recordings over gRPC', () => {
  test('A recording in one message comes back as its transcript, times in whole milliseconds.', async (context) => {
    const { client, transcribe } = await testGrpc(context);
    const { messages, ending } = await client.call('Transcription/Transcribe', {
      audio: Buffer.from('hello\nworld\n'),
      contentType: 'audio/mpeg',
      extension: '.MP3',
    });
    assert.equal(ending.status, 'OK');
    const transcript = messages[0]?.['transcript'] as Message;
    assert.equal(transcript['text'], 'hello world');
    assert.equal(transcript['task'], 'TASK_TRANSCRIBE');
    assert.deepEqual(
      (transcript['segments'] as Message[]).map(({ startMs, endMs, text }) => ({ startMs, endMs, text })),
      [
        { startMs: 0, endMs: 1_000, text: 'hello' },
        { startMs: 1_000, endMs: 2_000, text: 'world' },
      ],
    );
    assert.deepEqual((transcript['segments'] as Message[])[0]?.['words'], [
      { word: 'hello', startMs: 2, endMs: 2, probability: 0.5, approximate: true },
    ]);
    assert.deepEqual(transcript['filtered'], [{ startMs: 1, endMs: 2, text: 'thank you', reason: 'phantom_phrase' }]);
    assert.deepEqual(transcript['accounting'], {
      speechMs: 1,
      nonSpeechMs: 2,
      skipped: [{ startMs: 3, endMs: 4, channel: 0, reason: 'too_short' }],
    });
    assert.equal('languageProbability' in transcript, false);
    const request = transcribe.starts[0];
    assert.deepEqual(
      [request?.contentType, request?.extension, request?.lane, request?.owner],
      ['audio/mpeg', 'mp3', 'interactive', null],
    );
    assert.deepEqual(
      [request?.options.detect.minSilenceMs, request?.options.decode.filter.noSpeechThreshold],
      [400, 0.8],
    );
  });

  test('Every option of the message reaches the service.', async (context) => {
    const { client, transcribe } = await testGrpc(context);
    await client.call('Transcription/Transcribe', {
      audio: Buffer.from('a'),
      options: {
        model: 'org/m',
        language: 'de-DE',
        task: 'TASK_TRANSLATE',
        wordTimestamps: true,
        prompt: 'p',
        hotwords: 'h',
        temperatures: [0, 0.5],
        conditionOnPreviousText: true,
        channels: 'CHANNEL_MODE_SPLIT',
        track: 1,
        detect: {
          vad: false,
          threshold: 0.25,
          minSpeechMs: 0,
          minSilenceMs: 500,
          paddingMs: 0,
          gateRms: 0,
          gateZeroCrossings: 0,
        },
        filter: {
          enabled: false,
          noSpeech: false,
          logprobThreshold: -2,
          compressionRatio: true,
          compressionRatioThreshold: 3,
          repetition: false,
          letters: false,
          script: false,
          phantomPhrases: false,
          doubt: false,
        },
      },
    });
    assert.deepEqual(transcribe.starts[0]?.options, {
      model: 'org/m',
      channels: 'split',
      track: 1,
      detect: {
        vad: false,
        threshold: 0.25,
        minSpeechMs: 0,
        minSilenceMs: 500,
        paddingMs: 0,
        gateRms: 0,
        gateZeroCrossings: 0,
      },
      decode: {
        language: 'de',
        task: 'translate',
        wordTimestamps: true,
        prompt: 'p',
        hotwords: 'h',
        temperatures: [0, 0.5],
        conditionOnPreviousText: true,
        filter: {
          enabled: false,
          noSpeechThreshold: null,
          logprobThreshold: -2,
          compressionRatioThreshold: 3,
          repetition: false,
          letters: false,
          script: false,
          phantomPhrases: false,
          doubt: false,
        },
      },
    });
  });

  test('An option that is out of its range is refused by the name that the contract gives it.', async (context) => {
    const { client, transcribe } = await testGrpc(context);
    const refused: readonly (readonly [object, string])[] = [
      [{ options: { detect: { minSilenceMs: 20_000 } } }, 'options.detect.min_silence_ms'],
      [{ options: { filter: { noSpeechThreshold: Number.NaN } } }, 'options.filter.no_speech_threshold'],
      [{ options: { temperatures: [2] } }, 'options.temperatures'],
      [{ options: { task: 7 } }, 'options.task'],
      [{ options: { track: 256 } }, 'options.track'],
      [{ options: { prompt: 'p'.repeat(16_001) } }, 'options.prompt'],
      [{ options: { model: 'm'.repeat(257) } }, 'options.model'],
      [{ extension: '../x' }, 'extension'],
      [{ contentType: 'audio/\u00e4' }, 'content_type'],
    ];
    for (const [fields, param] of refused) {
      const { ending } = await client.call('Transcription/Transcribe', { audio: Buffer.from('a'), ...fields });
      assert.deepEqual([ending.status, ending.code, ending.param], ['INVALID_ARGUMENT', 'invalid_field', param]);
    }
    assert.equal(transcribe.starts.length, 0);
  });

  test('No bytes, bytes that are no audio and a language nobody knows are told by their codes.', async (context) => {
    const { client } = await testGrpc(context);
    const codeOf = async (request: object): Promise<unknown> =>
      (await client.call('Transcription/Transcribe', request)).ending.code;
    assert.equal(await codeOf({}), 'empty_file');
    assert.equal(await codeOf({ audio: Buffer.from('BAD') }), 'unprocessable_audio');
    assert.equal(await codeOf({ audio: Buffer.from('a'), options: { language: 'xx' } }), 'unsupported_language');
  });

  test('Segments come one by one with how far the work is, then the whole.', async (context) => {
    const { client } = await testGrpc(context);
    const { messages, ending } = await client.call('Transcription/TranscribeStream', { audio: Buffer.from('a\nb\n') });
    assert.equal(ending.status, 'OK');
    assert.deepEqual(
      messages.map((message) => message['event']),
      ['segment', 'progress', 'segment', 'progress', 'transcript'],
    );
    assert.deepEqual(
      messages
        .map((message) => (message['segment'] as Message | undefined)?.['index'])
        .filter((index) => index !== undefined),
      [0, 1],
    );
    assert.deepEqual(messages[3]?.['progress'], { doneMs: 2_000 });
    assert.equal((messages[4]?.['transcript'] as Message)['text'], 'a b');
  });

  test('Cancelling the call cancels the work, and so does its deadline.', async (context) => {
    const { client, transcribe } = await testGrpc(context);
    transcribe.gate = new Promise(() => undefined);
    for (const method of ['Transcription/Transcribe', 'Transcription/TranscribeStream']) {
      const started = transcribe.starts.length;
      const call = client.call(method, { audio: Buffer.from('a') });
      await transcribe.until(() => transcribe.starts.length > started);
      call.stream.cancel();
      assert.equal((await call).ending.status, 'CANCELLED');
      await transcribe.until(() => transcribe.cancelled > started);
    }
    const { ending } = await client.call(
      'Transcription/Transcribe',
      { audio: Buffer.from('a') },
      { options: { deadline: Date.now() + 300 } },
    );
    assert.equal(ending.status, 'DEADLINE_EXCEEDED');
    await transcribe.until(() => transcribe.cancelled === 3);
  });

  test('A recording of 90 MB passes in one message and its bytes are handed on without being copied; above 100 MiB it is refused.', async (context) => {
    const { client, transcribe } = await testGrpc(context);
    const recording = Buffer.alloc(90_000_000, '#');
    recording.write('long\n');
    const { messages } = await client.call('Transcription/Transcribe', { audio: recording });
    assert.equal((messages[0]?.['transcript'] as Message)['text'], 'long');
    assert.equal(transcribe.bytes, recording.length);
    const tooLarge = await client.call('Transcription/Transcribe', { audio: Buffer.alloc(100 * 1024 * 1024 + 1) });
    assert.equal(tooLarge.ending.status, 'RESOURCE_EXHAUSTED');
    assert.equal(transcribe.starts.length, 1);
  });
});
