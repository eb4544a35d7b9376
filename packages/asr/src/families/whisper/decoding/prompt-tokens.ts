import type { Vocabulary } from '../model/vocabulary.js';

/** What the decoder is told before it writes. */
export interface PromptRequest {
  /** ISO code that the vocabulary knows. */
  readonly language: string;
  readonly task: 'transcribe' | 'translate';
  readonly timestamps: boolean;
  /** Text that comes before; '' for none. */
  readonly prompt: string;
  readonly hotwords: string;
  /** Tokens of text already recognised in this chunk, to be continued; empty for none. */
  readonly previous: readonly number[];
}

export interface Prompt {
  readonly tokens: readonly number[];
  /** Index of the start-of-transcript token: there the model says whether it hears speech. */
  readonly startIndex: number;
  /** True when the text before was cut to what the model takes. */
  readonly trimmed: boolean;
}

/**
 * Builds the decoder's prompt: `<|startofprev|>` with the text before, then start, language, task and `<|notimestamps|>`.
 * As in the reference the text before has at most half of the positions less one (223 tokens), and its end is kept. Of hotwords the beginning is kept; they come first and leave the rest to the prompt.
 */
export function buildPrompt(vocabulary: Vocabulary, request: PromptRequest, maxTokens: number): Prompt {
  const budget = Math.floor(maxTokens / 2) - 1;
  const encode = (text: string): number[] => (text.trim() === '' ? [] : vocabulary.encode(` ${text.trim()}`));
  const hotwords = encode(request.hotwords);
  const before = [...encode(request.prompt), ...request.previous];
  const keptHotwords = hotwords.slice(0, Math.max(Math.floor(budget / 2), budget - before.length));
  const room = budget - keptHotwords.length;
  const kept = [...keptHotwords, ...before.slice(Math.max(0, before.length - room))];
  const previous = kept.length === 0 ? [] : [vocabulary.startOfPrevious, ...kept];
  const start = [vocabulary.startOfTranscript];
  if (vocabulary.multilingual) {
    const language = vocabulary.languages.get(request.language);
    if (language === undefined) throw new Error(`the vocabulary has no language ${request.language}`);
    start.push(language, request.task === 'translate' ? vocabulary.translate : vocabulary.transcribe);
  }
  if (!request.timestamps) start.push(vocabulary.noTimestamps);
  return {
    tokens: [...previous, ...start],
    startIndex: previous.length,
    trimmed: kept.length < hotwords.length + before.length,
  };
}
