import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decodeOptionsSchema, type DecodeOptions, type Recognition } from '@murmuration/contracts';
import { loadWhisperParts } from './whisper-family.js';
import { clip, modelFolder, skipWithoutReferences } from '../../testing/references.js';
import type { Generation } from './model/speech-model.js';
import { WhisperRecognizer } from './whisper-recognizer.js';

const never = (): boolean => false;
const options = (more: Partial<DecodeOptions> = {}): DecodeOptions => ({ ...decodeOptionsSchema.parse({}), ...more });

describe('A text that loops', { skip: skipWithoutReferences }, () => {
  let recognizer: WhisperRecognizer;
  /** Tokens of each text that was written. */
  let written: number[] = [];
  /** True: attempts at a temperature write what the greedy one wrote, the less surely the higher it is. */
  let raisedIsWorse = false;
  before(async () => {
    const parts = await loadWhisperParts({
      folder: modelFolder('whisper-tiny.en'),
      dtype: 'int8',
      device: 'cpu',
      threads: 1,
    });
    const { model } = parts;
    const generate = model.generate.bind(model);
    let greedy: Generation | undefined;
    model.generate = async (...request) => {
      const generations = await generate(...request);
      written.push(...generations.map((one) => one.tokens.length));
      if (!raisedIsWorse) return generations;
      return generations.map((one) => {
        if (one.temperature === 0) return (greedy = one);
        const logprobs = greedy?.logprobs.map((logprob) => logprob - one.temperature) ?? [];
        return { ...(greedy ?? one), logprobs, temperature: one.temperature };
      });
    };
    recognizer = new WhisperRecognizer('whisper-tiny.en', parts);
  });
  after(async () => {
    await recognizer.close();
  });

  /** 0.3 s of speech over and over: the model writes "And, and, and" up to its limit of 224 tokens. */
  const stutter = (): Float32Array => {
    const piece = clip('jfk.wav').subarray(3_300 * 16, 3_600 * 16);
    return Float32Array.from({ length: 8 * 16_000 }, (_, at) => piece[at % piece.length] ?? 0);
  };
  const recognize = async (
    pcms: readonly Float32Array[],
    more: Partial<DecodeOptions> = {},
  ): Promise<Recognition[]> => {
    written = [];
    return recognizer.recognize(
      pcms.map((pcm) => ({ pcm, options: options(more) })),
      never,
    );
  };

  test('It is ended while it is written, long before the limit of tokens', async () => {
    await recognize([stutter()]);
    assert.ok(written.length > 1 && Math.max(...written) <= 64, written.join());
  });

  test('It is written to the limit where the filters are off, for then everything shows', async () => {
    await recognize([stutter()], { filter: { ...options().filter, enabled: false } });
    assert.equal(Math.max(...written), 224);
  });

  test('The other rows of its batch stay as they are, and it is the same beside them', async () => {
    const [alone] = await recognize([stutter()]);
    const [speech] = await recognize([clip('jfk.wav')]);
    assert.deepEqual(await recognize([clip('jfk.wav'), stutter(), clip('jfk.wav')]), [speech, alone, speech]);
  });

  test('And one that stays doubtful at every temperature: the best attempt counts, not the last', async () => {
    const noise = clip('noise-babble.wav').subarray(0, 5 * 16_000);
    const open = { filter: { ...options().filter, enabled: false } };
    const [greedy] = await recognize([noise], open);
    raisedIsWorse = true;
    const [raised] = await recognize([noise], { ...open, temperatures: [0, 0.5, 1] });
    raisedIsWorse = false;
    assert.ok(written.length >= 3, 'no temperature is trusted');
    assert.notEqual(greedy?.segments.length, 0);
    assert.deepEqual(raised, greedy);
  });

  test('A sentence that is really said nine times is not taken for one', async () => {
    const sentence = clip('harvard-spk1-6.wav');
    const pcm = new Float32Array(9 * sentence.length);
    for (let i = 0; i < 9; i++) pcm.set(sentence, i * sentence.length);
    const [recognition] = await recognize([pcm]);
    assert.equal(recognition?.segments.length, 9);
    assert.equal(written.length, 1);
  });
});
