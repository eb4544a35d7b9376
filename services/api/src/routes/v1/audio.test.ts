import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI, { APIError, toFile } from 'openai';
import { AsrError } from '@murmuration/contracts';
import { testApp, form, type Part } from '../../testing/test-app.js';

const recording = () => toFile(Buffer.from('Hello there.\nGood-bye.'), 'speech.wav');
const client = (address: string): OpenAI => new OpenAI({ baseURL: `${address}/v1`, apiKey: 'none', maxRetries: 0 });

describe('The official OpenAI client', () => {
  test("It gets text with a model's alias.", async (t) => {
    const { listen } = await testApp(t);
    const answer = await client(await listen()).audio.transcriptions.create({
      file: await recording(),
      model: 'whisper-1',
    });
    assert.equal(answer.text, 'Hello there. Good-bye.');
    assert.deepEqual(answer.usage, { type: 'duration', seconds: 2 });
  });

  test('It gets every response format.', async (t) => {
    const { listen } = await testApp(t);
    const { transcriptions } = client(await listen()).audio;
    assert.equal(
      await transcriptions.create({ file: await recording(), model: 'whisper-1', response_format: 'text' }),
      'Hello there. Good-bye.\n',
    );
    assert.match(
      await transcriptions.create({ file: await recording(), model: 'whisper-1', response_format: 'srt' }),
      /^1\n00:00:00,000 --> 00:00:01,000\nHello there\.\n/,
    );
    assert.match(
      await transcriptions.create({ file: await recording(), model: 'whisper-1', response_format: 'vtt' }),
      /^WEBVTT\n/,
    );
    const verbose = await transcriptions.create({
      file: await recording(),
      model: 'whisper-1',
      response_format: 'verbose_json',
      timestamp_granularities: ['segment'],
    });
    assert.equal(verbose.duration, 2);
    assert.equal(verbose.language, 'english');
    assert.deepEqual(
      verbose.segments?.map((segment) => segment.text),
      [' Hello there.', ' Good-bye.'],
    );
  });

  test('It gets deltas whose sum is the text.', async (t) => {
    const { listen } = await testApp(t);
    const stream = await client(await listen()).audio.transcriptions.create({
      file: await recording(),
      model: 'gpt-4o-mini-transcribe',
      stream: true,
    });
    const deltas: string[] = [];
    let done: string | null = null;
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') deltas.push(event.delta);
      if (event.type === 'transcript.text.done') done = event.text;
    }
    assert.deepEqual(deltas, ['Hello there.', ' Good-bye.']);
    assert.equal(done, deltas.join(''));
  });

  test('Deltas of a script without spaces have none.', async (t) => {
    const { listen } = await testApp(t);
    const file = await toFile(Buffer.from('今天天气很好。\n我们去公园\n吧\nOK'), 'speech.wav');
    const stream = await client(await listen()).audio.transcriptions.create({ file, model: 'whisper-1', stream: true });
    const deltas: string[] = [];
    for await (const event of stream) if (event.type === 'transcript.text.delta') deltas.push(event.delta);
    assert.deepEqual(deltas, ['今天天气很好。', '我们去公园', '吧', ' OK']);
  });

  test('It is told in every format what the filters took away.', async (t) => {
    const { listen } = await testApp(t);
    const { transcriptions } = client(await listen()).audio;
    const file = await toFile(Buffer.from('Hello there.\n[Again --> and again.]\nGood-bye.'), 'speech.wav');
    const filtered = [{ start: 1, end: 1, text: 'Again --> and again.', reason: 'repetition' }];
    const told = (answer: object): unknown => (answer as { filtered?: unknown }).filtered;
    assert.deepEqual(told(await transcriptions.create({ file, model: 'whisper-1' })), filtered);
    assert.deepEqual(
      told(await transcriptions.create({ file, model: 'whisper-1', response_format: 'verbose_json' })),
      filtered,
    );
    assert.equal(told(await transcriptions.create({ file: await recording(), model: 'whisper-1' })), undefined);
    for await (const event of await transcriptions.create({ file, model: 'whisper-1', stream: true }))
      if (event.type === 'transcript.text.done') assert.deepEqual(told(event), filtered);
    assert.match(
      await transcriptions.create({ file, model: 'whisper-1', response_format: 'vtt' }),
      /^WEBVTT\n\nNOTE filtered \(repetition\) 00:00:01\.000 to 00:00:01\.000: Again --&gt; and again\.\n\n00:00:00/,
    );
    for (const response_format of ['text', 'srt'] as const) {
      const { response } = await transcriptions.create({ file, model: 'whisper-1', response_format }).withResponse();
      assert.equal(response.headers.get('x-filtered-texts'), '1', response_format);
    }
  });

  test('Temperature 0, and none, raises by itself; any other stays.', async (t) => {
    const { listen, service } = await testApp(t);
    const { transcriptions } = client(await listen()).audio;
    await transcriptions.create({ file: await recording(), model: 'whisper-1' });
    await transcriptions.create({ file: await recording(), model: 'whisper-1', temperature: 0 });
    await transcriptions.create({ file: await recording(), model: 'whisper-1', temperature: 0.4 });
    assert.deepEqual(
      service.starts.map(({ options }) => options.decode.temperatures),
      [[0, 0.2, 0.4, 0.6, 0.8, 1], [0, 0.2, 0.4, 0.6, 0.8, 1], [0.4]],
    );
  });

  test('Its voice detection, languages and keywords reach the work.', async (t) => {
    const { listen, service } = await testApp(t);
    await client(await listen()).audio.transcriptions.create({
      file: await recording(),
      model: 'whisper-1',
      prompt: 'Names: Ada.',
      temperature: 0.2,
      language: 'en',
      include: ['logprobs'],
      chunking_strategy: { type: 'server_vad', threshold: 1, prefix_padding_ms: 300, silence_duration_ms: 500 },
    });
    const options = service.starts[0]?.options;
    assert.deepEqual(
      [options?.detect.threshold, options?.detect.paddingMs, options?.detect.minSilenceMs],
      [0.99, 300, 500],
    );
    assert.deepEqual(
      [options?.decode.language, options?.decode.prompt, options?.decode.temperatures],
      ['en', 'Names: Ada.', [0.2]],
    );
  });

  test('It sees errors with their status, code and field.', async (t) => {
    const { listen } = await testApp(t);
    const { audio, models } = client(await listen());
    const refusal = async (call: Promise<unknown>): Promise<[number | undefined, unknown, unknown]> => {
      const error = await call.then(
        () => assert.fail('it was not refused'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof APIError);
      assert.ok(error.requestID);
      return [error.status as number | undefined, error.code, error.param];
    };
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- clients still call it
    assert.deepEqual(await refusal(audio.translations.create({ file: await recording(), model: 'whisper-1' })), [
      400,
      'unsupported_task',
      'task',
    ]);
    assert.deepEqual(
      await refusal(
        audio.transcriptions.create({ file: await recording(), model: 'whisper-1', response_format: 'diarized_json' }),
      ),
      [400, 'invalid_field', 'response_format'],
    );
    assert.deepEqual(
      await refusal(audio.transcriptions.create({ file: await toFile(Buffer.alloc(0), 'a.wav'), model: 'whisper-1' })),
      [400, 'empty_file', 'file'],
    );
    assert.deepEqual(
      await refusal(
        audio.transcriptions.create({
          file: await recording(),
          model: 'whisper-1',
          response_format: 'verbose_json',
          timestamp_granularities: ['word'],
        }),
      ),
      [400, 'word_timestamps_unavailable', 'timestamp_granularities'],
    );
    assert.deepEqual(
      await refusal(
        audio.transcriptions.create({
          file: await toFile(Buffer.from('BAD'), 'a.wav'),
          model: 'whisper-1',
          stream: true,
        }),
      ),
      [422, 'unprocessable_audio', 'file'],
    );
    assert.deepEqual(await refusal(models.retrieve('nobody')), [404, 'model_not_found', 'model']);
  });

  test('It does not repeat a request of an owner whose month is used up.', async (t) => {
    const { listen, service } = await testApp(t);
    const { audio } = new OpenAI({ baseURL: `${await listen()}/v1`, apiKey: 'none', maxRetries: 2 });
    service.refusal = new AsrError('insufficient_quota', undefined, { retryAfterSeconds: 86_400 });
    await assert.rejects(audio.transcriptions.create({ file: await recording(), model: 'whisper-1' }), (error) => {
      assert.ok(error instanceof APIError);
      const { status, code, type, headers } = error as {
        status: unknown;
        code: unknown;
        type: unknown;
        headers: Headers;
      };
      assert.deepEqual(
        [status, code, type, headers.get('retry-after')],
        [429, 'insufficient_quota', 'insufficient_quota', '86400'],
      );
      return true;
    });
    assert.equal(service.starts.length, 1);
  });

  test('It lists models and finds one by its name and by an alias.', async (t) => {
    const { listen } = await testApp(t);
    const { models } = client(await listen());
    assert.deepEqual(
      (await models.list()).data.map((model) => model.id),
      ['org/memory-model'],
    );
    assert.deepEqual(await models.retrieve('org/memory-model'), {
      id: 'org/memory-model',
      object: 'model',
      created: 1_700_000_000,
      owned_by: 'murmuration',
    });
    assert.equal((await models.retrieve('whisper-1')).id, 'org/memory-model');
  });
});

describe('POST /v1/audio/transcriptions', () => {
  const hello: Part = ['file', 'Hello.', 'a.wav'];

  test('Fields it does not know are let pass, forbidden names are not.', async (t) => {
    const { app } = await testApp(t);
    const url = '/v1/audio/transcriptions';
    assert.equal(
      (
        await app.inject({
          method: 'POST',
          url,
          ...form(hello, ['new_field', 'x'], ['known_speaker_names[]', 'Ada'], ['thing[inner]', 'y']),
        })
      ).statusCode,
      200,
    );
    assert.equal((await app.inject({ method: 'POST', url, ...form(hello, ['__proto__[x]', 'x']) })).statusCode, 400);
    assert.equal(
      (await app.inject({ method: 'POST', url, ...form(hello, ['thing[__proto__]', 'x']) })).statusCode,
      400,
    );
  });

  test('Lists come in every way clients write them.', async (t) => {
    const { app, service } = await testApp(t);
    await app.inject({
      method: 'POST',
      url: '/v1/audio/transcriptions',
      ...form(hello, ['keywords[]', 'Ada'], ['keywords[]', 'Grace'], ['languages[]', 'de']),
    });
    await app.inject({
      method: 'POST',
      url: '/v1/audio/transcriptions',
      ...form(hello, ['keywords[0]', 'Ada'], ['keywords', 'Grace'], ['languages[]', 'de'], ['languages[]', 'en']),
    });
    assert.deepEqual(
      service.starts.map((start) => [start.options.decode.hotwords, start.options.decode.language]),
      [
        ['Ada, Grace', 'de'],
        ['Ada, Grace', 'multi'],
      ],
    );
  });

  test('A chunking strategy may be written as JSON; nonsense is refused.', async (t) => {
    const { app, service } = await testApp(t);
    const ask = async (strategy: string) =>
      app.inject({ method: 'POST', url: '/v1/audio/transcriptions', ...form(hello, ['chunking_strategy', strategy]) });
    assert.equal((await ask('auto')).statusCode, 200);
    assert.equal((await ask('{"type":"server_vad","threshold":0.3}')).statusCode, 200);
    assert.equal(service.starts[1]?.options.detect.threshold, 0.3);
    for (const nonsense of ['{', '[]', '{"type":"other"}', '{"type":"server_vad","threshold":"high"}']) {
      assert.equal((await ask(nonsense)).json<{ error: { param: string } }>().error.param, 'chunking_strategy');
    }
  });

  test('Subtitles are not streamed.', async (t) => {
    const { app } = await testApp(t);
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/audio/transcriptions',
      ...form(hello, ['stream', 'true'], ['response_format', 'srt']),
    });
    assert.equal(reply.json<{ error: { param: string } }>().error.param, 'response_format');
  });
});
