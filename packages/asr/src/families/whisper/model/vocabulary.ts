import { Tokenizer } from '@huggingface/tokenizers';
import { ModelFault, readModelJson, readOptionalModelJson } from '../../../models/model-folder.js';
import { TokenBytes } from './token-bytes.js';
import type { WhisperSettings } from './whisper-settings.js';

/** What is used of the tokenizer: the package's own types cannot be resolved by Node's rules. */
interface TextTokenizer {
  token_to_id(name: string): number | undefined;
  id_to_token(token: number): string | undefined;
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: readonly number[] };
}

const TokenizerOfFiles = Tokenizer as unknown as new (json: object, config: object) => TextTokenizer;

/** Codes that Whisper spells otherwise than ISO 639-1. */
const WHISPER_CODES: ReadonlyMap<string, string> = new Map([['jw', 'jv']]);

/**
 * Tokens of one Whisper model, looked up by name, for their numbers differ between vocabularies.
 * The library's tokenizer takes 24 MB of small objects, which every collection of garbage walks through: it is made for the
 * first text that has to become tokens (0.3 s), and tokens become text without it.
 */
export class Vocabulary {
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly startOfPrevious: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;
  /** The token of 0.00 s; each next one is 20 ms later. */
  readonly firstTimestamp: number;
  readonly multilingual: boolean;
  /** Tokens of the tasks; an English-only model has them but takes no task. */
  readonly transcribe: number;
  readonly translate: number;
  /** Language tokens by ISO code; `en` alone, without use, in an English-only model. */
  readonly languages: ReadonlyMap<string, number>;
  readonly #texts: TokenBytes;
  readonly #openTokenizer: () => TextTokenizer;
  #tokenizer: TextTokenizer | undefined;

  private constructor(openTokenizer: () => TextTokenizer, settings: WhisperSettings) {
    const tokenizer = openTokenizer();
    this.#openTokenizer = openTokenizer;
    const id = (...names: readonly string[]): number => {
      for (const name of names) {
        const found = tokenizer.token_to_id(name);
        if (found !== undefined) return found;
      }
      throw new ModelFault('model_not_whisper', `tokenizer.json lacks the token ${names.join(' or ')}`);
    };
    this.endOfText = id('<|endoftext|>');
    this.startOfTranscript = id('<|startoftranscript|>');
    this.startOfPrevious = id('<|startofprev|>');
    this.noSpeech = id('<|nospeech|>', '<|nocaptions|>');
    this.noTimestamps = id('<|notimestamps|>');
    this.firstTimestamp = tokenizer.token_to_id('<|0.00|>') ?? this.noTimestamps + 1;
    this.transcribe = id('<|transcribe|>');
    this.translate = id('<|translate|>');
    // OpenAI's vocabularies have 51,864 entries without languages and 51,865 or more with them.
    this.multilingual = settings.multilingual ?? settings.vocabularySize >= 51_865;
    this.languages = this.multilingual
      ? languageTokens(tokenizer, settings, this.startOfTranscript, this.translate)
      : new Map([['en', id('<|en|>')]]);
    this.#texts = new TokenBytes(
      Array.from({ length: this.endOfText }, (_, token) => tokenizer.id_to_token(token) ?? ''),
    );
  }

  /** Loads tokenizer.json. Throws `ModelFault`. */
  static async load(folder: string, settings: WhisperSettings): Promise<Vocabulary> {
    const json = await readModelJson(folder, 'tokenizer.json');
    const config = (await readOptionalModelJson(folder, 'tokenizer_config.json')) ?? {};
    const files = Buffer.from(JSON.stringify([json, config]));
    const openTokenizer = (): TextTokenizer => {
      const [tokenizerJson, tokenizerConfig] = JSON.parse(files.toString()) as [object, object];
      try {
        return new TokenizerOfFiles(tokenizerJson, tokenizerConfig);
      } catch (error) {
        throw new ModelFault(
          'model_file_invalid',
          'tokenizer.json of the model is no tokenizer that can be read',
          error,
        );
      }
    };
    return new Vocabulary(openTokenizer, settings);
  }

  isTimestamp(token: number): boolean {
    return token >= this.firstTimestamp;
  }

  /** Text tokens of a text; names of special tokens in it are dropped, so that no client can steer the model with them. */
  encode(text: string): number[] {
    this.#tokenizer ??= this.#openTokenizer();
    return this.#tokenizer.encode(text, { add_special_tokens: false }).ids.filter((token) => token < this.endOfText);
  }

  /** Text of tokens; special ones and times are left out. A token that ends inside a character gives U+FFFD there. */
  decode(tokens: readonly number[]): string {
    return this.#texts.decode(tokens.filter((token) => token < this.endOfText));
  }
}

function languageTokens(
  tokenizer: TextTokenizer,
  settings: WhisperSettings,
  startOfTranscript: number,
  translate: number,
): Map<string, number> {
  const named =
    settings.languageTokens ??
    new Map(
      Array.from({ length: Math.max(0, translate - startOfTranscript - 1) }, (_, i) => {
        const token = startOfTranscript + 1 + i;
        return [tokenizer.id_to_token(token) ?? '', token] as const;
      }),
    );
  const languages = new Map<string, number>();
  for (const [name, token] of named) {
    const code = /^<\|([a-z]{2,3})\|>$/.exec(name)?.[1];
    if (code !== undefined) languages.set(WHISPER_CODES.get(code) ?? code, token);
  }
  return languages;
}
