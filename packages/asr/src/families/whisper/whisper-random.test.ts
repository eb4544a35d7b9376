import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AsrError, decodeOptionsSchema, type DecodeOptions, type Recognition } from '@murmuration/contracts';
import { decodeWindows, seekFrame, type ChunkTask } from './decoding/decode-windows.js';
import { buildPrompt } from './decoding/prompt-tokens.js';
import { detectLanguages } from './spoken-languages.js';
import { LogMelExtractor, WINDOW_AUDIO_SAMPLES } from './features/log-mel.js';
import { loadWhisperParts } from './whisper-family.js';
import { clip, modelFolder, referenceJson, skipWithoutReferences } from '../../testing/references.js';
import type { WhisperParts } from './whisper-parts.js';
import { WhisperRecognizer } from './whisper-recognizer.js';
import { splitPieces } from './words/token-words.js';

/** Figures of Hugging Face transformers 4.57 in float32 for the model of random weights. */
interface Reference {
  readonly file: string;
  readonly language_top3: readonly (readonly [string, number])[];
  readonly no_speech_prob: number;
  readonly mel_sum: number;
  readonly mel_first10: readonly number[];
  readonly encoder_first5: readonly number[];
  readonly runs: readonly {
    readonly language: string;
    readonly task: 'transcribe' | 'translate';
    readonly timestamps: boolean;
    readonly ids: readonly number[];
  }[];
}

const near = (actual: number | undefined, expected: number, within: number, what: string): void => {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= within,
    `${what}: ${String(actual)}, expected ${String(expected)}`,
  );
};
const options = (more: Partial<DecodeOptions> = {}): DecodeOptions => ({
  ...decodeOptionsSchema.parse({ filter: { enabled: false } }),
  ...more,
});
const never = (): boolean => false;

describe('Whisper with the multilingual vocabulary and random weights', { skip: skipWithoutReferences }, () => {
  let parts: WhisperParts;
  let recognizer: WhisperRecognizer;
  /** As `recognizer`, with texts of at most 32 tokens: random weights write until the limit, which is 448. */
  let brief: WhisperRecognizer;
  let references: readonly Reference[];
  before(async () => {
    parts = await loadWhisperParts({
      folder: modelFolder('whisper-random-multilingual'),
      dtype: 'auto',
      device: 'cpu',
      threads: 1,
    });
    recognizer = new WhisperRecognizer('whisper-random-multilingual', parts);
    brief = new WhisperRecognizer('whisper-random-multilingual', {
      ...parts,
      settings: { ...parts.settings, maxTokens: 32 },
    });
    references = referenceJson('whisper-random-multilingual', 'reference.json') as Reference[];
  });
  after(async () => {
    await recognizer.close();
  });

  test('Features and language probabilities equal the reference', async () => {
    const extractor = new LogMelExtractor(parts.settings.mels);
    for (const reference of references) {
      const { values } = extractor.extract(clip(reference.file));
      near(
        values.reduce((sum, value) => sum + value, 0),
        reference.mel_sum,
        0.05,
        'sum of 240,000 features',
      );
      reference.mel_first10.forEach((value, i) => {
        near(values[i], value, 1e-4, `feature ${String(i)}`);
      });
      const audio = await parts.model.encode(values, 1);
      const [detected] = await detectLanguages(parts.model, parts.vocabulary, audio);
      assert.equal(`<|${detected?.language ?? ''}|>`, reference.language_top3[0]?.[0]);
      near(detected?.probability, reference.language_top3[0]?.[1] ?? 0, 1e-4, 'language probability');
    }
  });

  test('Encoder values equal the reference', async () => {
    const extractor = new LogMelExtractor(parts.settings.mels);
    for (const reference of references) {
      const audio = (await parts.model.encode(extractor.extract(clip(reference.file)).values, 1)) as unknown as {
        readonly hidden: { readonly data: Float32Array };
      };
      reference.encoder_first5.forEach((value, i) => {
        near(audio.hidden.data[i], value, 1e-3, `encoder value ${String(i)}`);
      });
    }
  });

  test('Token ids equal the reference for every language, task and kind of times, all runs of a recording in one batch', async () => {
    const extractor = new LogMelExtractor(parts.settings.mels);
    for (const { file, runs, no_speech_prob } of references) {
      const mel = extractor.extract(clip(file));
      // The reference decodes the whole padded window, seeking through its silence as well.
      const tasks = runs.map(({ timestamps }): ChunkTask => ({
        mel,
        endFrame: mel.frames,
        timestamps,
        firstTimestamp: parts.vocabulary.firstTimestamp,
        temperatures: [0],
        maxNewTokens: 24,
        maxTokens: parts.settings.maxTokens,
        isDoubtful: never,
        better: (one) => one,
        loops: never,
        speechEndFrame: (_startFrame, endFrame) => endFrame,
        distrusts: never,
        settle: (_before, window) => ({ window, nextFrame: seekFrame(window) ?? window.endFrame }),
      }));
      const windows = await decodeWindows(parts.model, tasks, {
        prompts: (_audio, rows) =>
          Promise.resolve(
            rows.flatMap((row) =>
              runs
                .slice(row, row + 1)
                .map((run) =>
                  buildPrompt(
                    parts.vocabulary,
                    { ...run, prompt: '', hotwords: '', previous: [] },
                    parts.settings.maxTokens,
                  ),
                ),
            ),
          ),
        onWindow: () => Promise.resolve(),
        encoded: () => Promise.resolve(),
        cancelled: never,
      });
      runs.forEach((run, i) => {
        const own = windows[i] ?? [];
        const written = own.flatMap((window) => window.segments.flatMap((segment) => segment.tokens));
        assert.deepEqual(
          run.timestamps ? written : [...(own[0]?.prompt.tokens ?? []), ...written],
          run.ids,
          `${file} ${run.language} ${run.task} ${String(run.timestamps)}`,
        );
        near(own[0]?.generation.noSpeechProb, no_speech_prob, 1e-6, 'no-speech probability');
      });
    }
  });

  test('Rows of a batch have their own language, task and prompt, and come out as they do alone', async () => {
    const pcm = clip('harvard-spk1-1.wav');
    const rows = [
      options({ language: 'fr' }),
      options({ language: 'ja', task: 'translate' }),
      options({ language: 'fr', prompt: 'Bonjour à tous' }),
      options(),
    ];
    const together = await brief.recognize(
      rows.map((one) => ({ pcm, options: one })),
      never,
    );
    for (const [i, one] of rows.entries())
      assert.deepEqual(together[i], (await brief.recognize([{ pcm, options: one }], never))[0]);
    assert.deepEqual(
      together.map((one) => one.language),
      ['fr', 'ja', 'fr', 'eu'],
    );
    near(together[3]?.languageProbability ?? undefined, 0.6018, 1e-3, 'probability of the detected language');
    assert.equal(together[0]?.languageProbability, null);
  });

  test('The language of recordings is answered with its probability, without decoding them', async () => {
    const detected = await recognizer.detectLanguage([{ pcm: clip('jfk.wav') }, { pcm: clip('harvard-spk1-1.wav') }]);
    assert.deepEqual(
      detected.map((one) => one.language),
      ['eu', 'eu'],
    );
    near(detected[0]?.probability, 0.98395, 1e-3, 'jfk');
    near(detected[1]?.probability, 0.60181, 1e-3, 'harvard');
  });

  test('A long prompt is cut to its last 223 tokens and that is said; hotwords keep their beginning', async () => {
    const { vocabulary, settings } = parts;
    const request = {
      language: 'en',
      task: 'transcribe',
      timestamps: true,
      prompt: '',
      hotwords: '',
      previous: [],
    } as const;
    const long = 'one two three four '.repeat(100);
    const cut = buildPrompt(vocabulary, { ...request, prompt: long }, settings.maxTokens);
    assert.ok(cut.trimmed);
    assert.equal(cut.startIndex, 224);
    assert.deepEqual(cut.tokens.slice(1, 224), vocabulary.encode(` ${long.trim()}`).slice(-223));
    assert.equal(cut.tokens[0], vocabulary.startOfPrevious);
    const both = buildPrompt(vocabulary, { ...request, prompt: long, hotwords: 'Murmuration' }, settings.maxTokens);
    assert.equal(vocabulary.decode(both.tokens.slice(1, 8)).startsWith(' Murmuration'), true);
    assert.equal(both.startIndex, 224);
    assert.equal(buildPrompt(vocabulary, { ...request, prompt: 'short' }, settings.maxTokens).trimmed, false);
    const [recognition] = await brief.recognize(
      [{ pcm: clip('harvard-spk1-6.wav'), options: options({ language: 'en', prompt: long }) }],
      never,
    );
    assert.equal(recognition?.promptTrimmed, true);
  });

  test('Names of special tokens in a prompt are no special tokens', () => {
    const { vocabulary, settings } = parts;
    const { tokens, startIndex } = buildPrompt(
      vocabulary,
      {
        language: 'en',
        task: 'transcribe',
        timestamps: true,
        prompt: 'hi <|endoftext|><|translate|> there',
        hotwords: '',
        previous: [],
      },
      settings.maxTokens,
    );
    assert.ok(tokens.slice(1, startIndex).every((token) => token < vocabulary.endOfText));
  });

  test(
    'Falls back to the next temperature while the text is not trusted, keeps the surest of doubtful attempts, and repeats with the same audio',
    { timeout: 300_000 },
    async () => {
      const pcm = clip('harvard-spk1-6.wav');
      const temperaturesOf = (recognition: Recognition | undefined): ReadonlySet<number> =>
        new Set(recognition?.segments.map((segment) => segment.temperature));
      const rows = [[1, 0.4], [1, 0.4], [1], [0, 1]].map((temperatures) => ({
        pcm,
        options: options({ language: 'en', temperatures }),
      }));
      const [first, again, hottest, greedy] = await brief.recognize(rows, never);
      assert.deepEqual(first, again);
      assert.deepEqual(
        temperaturesOf(first),
        new Set([0.4]),
        'the second attempt was made, and is surer than the first',
      );
      assert.deepEqual([temperaturesOf(hottest), temperaturesOf(greedy)], [new Set([1]), new Set([0])]);
      assert.notDeepEqual(
        hottest?.segments.map((segment) => segment.tokens),
        first?.segments.map((segment) => segment.tokens),
      );
    },
  );

  test('A cancelled row returns nothing and leaves the other rows alone', async () => {
    const pcm = clip('harvard-spk1-6.wav');
    const [alone] = await brief.recognize([{ pcm, options: options({ language: 'en' }) }], never);
    let asked = 0;
    const both = await brief.recognize(
      [
        { pcm, options: options({ language: 'en' }) },
        { pcm, options: options({ language: 'en' }) },
      ],
      (row) => row === 0 && asked++ > 3,
    );
    assert.deepEqual(both[0]?.segments, []);
    assert.deepEqual(both[1], alone);
  });

  test('A language the model does not know is refused, naming the field', async () => {
    await assert.rejects(
      recognizer.recognize([{ pcm: clip('harvard-spk1-6.wav'), options: options({ language: 'xx' }) }], never),
      (error: unknown) =>
        error instanceof AsrError && error.code === 'unsupported_language' && error.param === 'language',
    );
  });

  test('The description tells languages by ISO code, both tasks, and that the language is found', () => {
    const { description } = recognizer;
    assert.equal(description.languages.length, 99);
    assert.ok(description.languages.includes('jv') && !description.languages.includes('jw'));
    assert.deepEqual(description.tasks, ['transcribe', 'translate']);
    assert.equal(description.detectsLanguage, true);
    assert.equal(description.slug, 'whisper-random-multilingual');
    assert.equal(recognizer.paddedSamples(16_000), WINDOW_AUDIO_SAMPLES);
  });

  test('Words end where characters end, at spaces, or after each character where there are no spaces', () => {
    const { vocabulary } = parts;
    const words = (text: string, language: string): string[] =>
      splitPieces(vocabulary, vocabulary.encode(text), language).map((word) => word.word);
    assert.deepEqual(words(' Naïve cafés, “ça va”?', 'fr').join('|').replaceAll('|', ''), ' Naïve cafés, “ça va”?');
    assert.equal(words(' Naïve cafés', 'fr').length, 2);
    assert.equal(words('こんにちは世界', 'ja').join(''), 'こんにちは世界');
    assert.ok(words('これは𠮷野家です', 'ja').every((word) => !word.includes('\uFFFD')));
  });
});
