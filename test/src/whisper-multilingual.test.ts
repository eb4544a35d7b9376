import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './harness/cluster.js';
import { postRaw, transcribe, type ErrorAnswer, type TranscribeAnswer } from './harness/api-requests.js';
import { bytesOf, sharedClip } from './harness/speech.js';
import { RATE_HZ, pcmOf, wavFile } from './harness/wav.js';
import { WHISPER_RANDOM, WITHOUT_WHISPER } from './harness/whisper-models.js';

type LanguageAnswer = TranscribeAnswer & { readonly language_probability: number | null; readonly task: string };

describe('A multilingual Whisper (of random weights) through the API', { skip: WITHOUT_WHISPER }, () => {
  let cluster: Cluster;
  let file: Buffer;
  before(async () => {
    cluster = await Cluster.start({ worker: { MODEL_PATH: WHISPER_RANDOM, MAX_BATCH: '1' } });
    file = await bytesOf(sharedClip('harvard-spk1-1.wav'));
  });
  after(async () => {
    await cluster.close();
  });

  const ask = async (query: string): Promise<LanguageAnswer> =>
    (await transcribe(cluster.url, file, query)) as LanguageAnswer;

  test('The language that the model finds is told with its probability, also where its text is filtered', async () => {
    for (const query of ['?vad=false', '?vad=false&filter=false']) {
      const { language, language_probability: probability } = await ask(query);
      // As the reference finds it over the whole clip, which has no pause: of speech with pauses the language of most of it counts.
      assert.equal(language, 'eu');
      assert.ok(Math.abs((probability ?? 0) - 0.602) < 0.002, String(probability));
    }
  });

  test('A language that is given is taken, and no probability is told', async () => {
    const { language, language_probability: probability } = await ask('?language=de');
    assert.equal(language, 'de');
    assert.equal(probability, null);
  });

  test("OpenAI's verbose form tells the language by its English name", async () => {
    const form = new FormData();
    form.set('model', 'whisper-1');
    form.set('response_format', 'verbose_json');
    form.set('language', 'ja');
    // Random weights are doubted at each temperature, and write on for every stretch of speech: one temperature and a second of speech are enough here.
    form.set('temperature', '0.2');
    form.set('file', new Blob([wavFile(pcmOf(file).slice(RATE_HZ / 2, 1.5 * RATE_HZ))]), 'speech.wav');
    const answer = (await (
      await fetch(`${cluster.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
    ).json()) as { language: string };
    assert.equal(answer.language, 'japanese');
  });

  test('Translation is taken', async () => {
    assert.equal((await ask('?task=translate&language=fr')).task, 'translate');
  });

  test('A language that is unknown is refused, naming the field; languages are told by ISO code', async () => {
    const response = await postRaw(cluster.url, new Blob([new Uint8Array(file)]), { query: '?language=tlh' });
    assert.equal(response.status, 400);
    const { error } = (await response.json()) as ErrorAnswer;
    assert.deepEqual([error.code, error.param], ['unsupported_language', 'language']);
    const capabilities = (await (await fetch(`${cluster.url}/capabilities`)).json()) as {
      languages: string[];
      tasks: string[];
      model: { detects_language: boolean };
    };
    assert.ok(capabilities.languages.length === 99 && capabilities.languages.includes('jv'));
    assert.deepEqual([capabilities.tasks, capabilities.model.detects_language], [['transcribe', 'translate'], true]);
  });
});
