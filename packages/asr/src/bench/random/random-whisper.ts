import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serializeModel } from '@murmuration/onnx';
import type { WhisperDtype } from '../../models/model-folder.js';
import { modelOf, OPSET, randomDecoder, randomEncoder, type DeclaredGraph } from './random-whisper-graphs.js';
import type { WhisperShape } from './shapes.js';

const ENDINGS: Readonly<Record<WhisperDtype, string>> = { fp32: '', fp16: '_fp16', int8: '_quantized' };

/** Languages in the order of Whisper's tokens. Source: tokenizer.py of openai/whisper. */
const LANGUAGES =
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue'.split(
    ' ',
  );
const TIMES = 1_501;
const ENGLISH_VOCABULARY = 51_864;

/**
 * Writes a Whisper of random weights: real files in the layout of onnx-community, which everything loads that loads a Whisper. It writes
 * nonsense, and never ends a text before its limit; how fast it does so does not depend on weights.
 * @param folder is made anew
 * @returns bytes of the weights
 */
export async function writeRandomWhisper(folder: string, shape: WhisperShape, dtype: WhisperDtype): Promise<number> {
  const making = `${folder}.part`;
  await rm(making, { recursive: true, force: true });
  await mkdir(join(making, 'onnx'), { recursive: true });
  const put = (name: string, value: unknown): Promise<void> => writeFile(join(making, name), JSON.stringify(value));
  const tokens = specialTokens(shape.vocabulary);
  await put('config.json', configOf(shape));
  await put('generation_config.json', generationOf(shape, tokens));
  await put('tokenizer.json', tokenizerOf(tokens));
  await put('preprocessor_config.json', { feature_size: shape.mels, sampling_rate: 16_000 });
  const encoder = randomEncoder(shape, dtype);
  const decoder = randomDecoder(shape, dtype);
  await writeGraph(join(making, 'onnx', `encoder_model${ENDINGS[dtype]}.onnx`), encoder);
  await writeGraph(join(making, 'onnx', `decoder_model_merged${ENDINGS[dtype]}.onnx`), decoder);
  await rm(folder, { recursive: true, force: true });
  await rename(making, folder);
  return encoder.weights.bytes + decoder.weights.bytes;
}

/** Makes the graph's constants and writes its file; see `RandomWeights.initializers`. */
export async function writeGraph(path: string, graph: DeclaredGraph, mostInsideBytes?: number): Promise<void> {
  const initializers = await graph.weights.initializers(path, mostInsideBytes);
  await writeFile(path, serializeModel(modelOf(graph, initializers), { '': OPSET }));
}

/** Special tokens and times by name, in the order of Whisper's vocabularies; the first is the end of the text. */
function specialTokens(vocabulary: number): ReadonlyMap<string, number> {
  const languages = vocabulary > ENGLISH_VOCABULARY + 1 ? LANGUAGES : LANGUAGES.slice(0, -1);
  const names = [
    '<|endoftext|>',
    '<|startoftranscript|>',
    ...languages.map((language) => `<|${language}|>`),
    ...['translate', 'transcribe', 'startoflm', 'startofprev', 'nospeech', 'notimestamps'].map((name) => `<|${name}|>`),
    ...Array.from({ length: TIMES }, (_, step) => `<|${(step / 50).toFixed(2)}|>`),
  ];
  return new Map(names.map((name, at) => [name, vocabulary - names.length + at]));
}

function idOf(tokens: ReadonlyMap<string, number>, name: string): number {
  return tokens.get(`<|${name}|>`) ?? 0;
}

function configOf({ width, heads, encoderLayers, decoderLayers, mels, vocabulary }: WhisperShape): object {
  return {
    model_type: 'whisper',
    d_model: width,
    encoder_layers: encoderLayers,
    decoder_layers: decoderLayers,
    encoder_attention_heads: heads,
    decoder_attention_heads: heads,
    encoder_ffn_dim: 4 * width,
    decoder_ffn_dim: 4 * width,
    num_mel_bins: mels,
    vocab_size: vocabulary,
    max_source_positions: 1_500,
    max_target_positions: 448,
  };
}

function generationOf({ decoderLayers, vocabulary }: WhisperShape, tokens: ReadonlyMap<string, number>): object {
  const end = idOf(tokens, 'endoftext');
  const multilingual = vocabulary > ENGLISH_VOCABULARY;
  const languages = [...tokens].filter(([, id]) => id > end + 1 && id < idOf(tokens, 'translate'));
  return {
    is_multilingual: multilingual,
    ...(multilingual ? { lang_to_id: Object.fromEntries(languages) } : {}),
    // Random weights would end a text anywhere; it is the limit of tokens that ends it.
    suppress_tokens: [end],
    begin_suppress_tokens: [end],
    max_initial_timestamp_index: 50,
    alignment_heads: [[decoderLayers - 1, 0]],
  };
}

/** 256 bytes and made-up words, without merges. */
function tokenizerOf(tokens: ReadonlyMap<string, number>): object {
  const vocab: Record<string, number> = {};
  const texts = idOf(tokens, 'endoftext');
  byteLetters().forEach((letter, at) => (vocab[letter] = at));
  for (let id = 256; id < texts; id++) vocab[`Ġ${letters(id)}`] = id;
  return {
    version: '1.0',
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    added_tokens: Array.from(tokens, ([content, id]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: id <= idOf(tokens, 'notimestamps'),
    })),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: [],
    },
  };
}

/** A number in letters. */
function letters(value: number): string {
  const last = String.fromCharCode(97 + (value % 26));
  return value < 26 ? last : letters(Math.floor(value / 26)) + last;
}

/** The letter that stands for each byte. Source: `bytes_to_unicode` of openai/gpt-2's encoder.py. */
function byteLetters(): string[] {
  let other = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : 256 + other++);
  });
}
