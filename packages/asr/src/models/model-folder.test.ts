import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadWhisper } from '../families/whisper/whisper-family.js';
import { findGraphs, ModelFault } from './model-folder.js';
import { readWhisperSettings } from '../families/whisper/model/whisper-settings.js';

describe('the folder of a model', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'whisper-folder-'));
    await mkdir(join(folder, 'onnx'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  const fault =
    (code: string, words: RegExp) =>
    (error: unknown): boolean =>
      error instanceof ModelFault && error.code === code && words.test(error.message);
  const put = (name: string, text = '{}'): Promise<void> => writeFile(join(folder, name), text);

  test('Without graphs the names that are expected are told', async () => {
    await assert.rejects(
      findGraphs(folder, 'fp16', 'cpu'),
      fault(
        'model_file_missing',
        /onnx\/encoder_model_fp16\.onnx and onnx\/decoder_model_merged_fp16\.onnx, found no graph/,
      ),
    );
  });

  test("The dtype picks the file names of onnx-community's exports; auto is int8 on a CPU and fp16 on a GPU", async () => {
    for (const suffix of ['_fp16', '_quantized'])
      for (const part of ['encoder_model', 'decoder_model_merged']) await put(`onnx/${part}${suffix}.onnx`, '');
    assert.equal(
      (await findGraphs(folder, 'int8', 'cpu')).decoder,
      join(folder, 'onnx', 'decoder_model_merged_quantized.onnx'),
    );
    assert.equal((await findGraphs(folder, 'auto', 'cpu')).dtype, 'int8');
    assert.equal((await findGraphs(folder, 'auto', 'cuda')).dtype, 'fp16');
  });

  test('A dtype that is not there is refused with those that are', async () => {
    await assert.rejects(
      findGraphs(folder, 'fp32', 'cpu'),
      fault('model_dtype_missing', /no fp32: set MODEL_DTYPE to fp16 or int8/),
    );
  });

  test('A folder that is no Whisper, lacks a file or has a broken one is refused by name', async () => {
    await assert.rejects(readWhisperSettings(folder), fault('model_file_missing', /lacks config\.json/));
    await put('config.json', '{"model_type": "bert"}');
    await assert.rejects(readWhisperSettings(folder), fault('model_not_whisper', /"bert", expected "whisper"/));
    await put('config.json', '{"model_type": "whisp');
    await assert.rejects(
      readWhisperSettings(folder),
      fault('model_file_invalid', /config\.json of the model is no JSON/),
    );
    await put('config.json', '{"model_type": "whisper", "vocab_size": "many"}');
    await assert.rejects(readWhisperSettings(folder), fault('model_file_invalid', /vocab_size/));
  });

  test('A folder with everything but graphs that can be read is refused, naming the graph', async () => {
    const special = [
      '<|endoftext|>',
      '<|startoftranscript|>',
      '<|en|>',
      '<|translate|>',
      '<|transcribe|>',
      '<|startofprev|>',
      '<|nocaptions|>',
      '<|notimestamps|>',
    ];
    const added_tokens = special.map((content, i) => ({
      id: i + 1,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    }));
    await put(
      'config.json',
      JSON.stringify({
        model_type: 'whisper',
        vocab_size: 9,
        d_model: 4,
        decoder_layers: 1,
        decoder_attention_heads: 1,
      }),
    );
    await put(
      'tokenizer.json',
      JSON.stringify({
        version: '1.0',
        added_tokens,
        normalizer: null,
        pre_tokenizer: null,
        post_processor: null,
        decoder: null,
        model: { type: 'BPE', vocab: { a: 0 }, merges: [] },
      }),
    );
    await assert.rejects(
      loadWhisper({ folder, dtype: 'int8', device: 'cpu', threads: 1 }),
      fault('model_file_invalid', /onnx\/encoder_model_quantized\.onnx/),
    );
    await put(
      'tokenizer.json',
      JSON.stringify({
        version: '1.0',
        added_tokens: added_tokens.slice(1),
        normalizer: null,
        pre_tokenizer: null,
        post_processor: null,
        decoder: null,
        model: { type: 'BPE', vocab: { a: 0 }, merges: [] },
      }),
    );
    await assert.rejects(
      loadWhisper({ folder, dtype: 'int8', device: 'cpu', threads: 1 }),
      fault('model_not_whisper', /lacks the token <\|endoftext\|>/),
    );
  });
});
