import { decodeOptionsSchema, type DecodeOptions, type Recognition } from '@murmuration/contracts';
import type { SpeechModel } from '../families/whisper/model/speech-model.js';
import type { WhisperParts } from '../families/whisper/whisper-parts.js';
import { WhisperRecognizer } from '../families/whisper/whisper-recognizer.js';

/** Test support: the same model with some of its methods replaced. Closing it closes nothing. */
export function changedModel(model: SpeechModel, changed: Partial<SpeechModel>): SpeechModel {
  return {
    attentionLayers: model.attentionLayers,
    shortWindows: model.shortWindows,
    stageMs: model.stageMs,
    encode: model.encode.bind(model),
    generate: model.generate.bind(model),
    logprobsAfter: model.logprobsAfter.bind(model),
    logprobsWithin: model.logprobsWithin.bind(model),
    align: model.align.bind(model),
    rehearse: model.rehearse.bind(model),
    close: () => Promise.resolve(),
    ...changed,
  };
}

export const HARVARD = [1, 2, 3, 4, 5, 6].map((n) => `harvard-spk1-${String(n)}.wav`);
/** Recordings and the names they have in the references (the aiff is the flac's recording). */
export const SPEECH: readonly (readonly [file: string, name: string])[] = [
  ...['jfk.wav', ...HARVARD, 'two-speakers-stereo.wav'].map((file) => [file, file] as const),
  ['numbers-mono-44k1.aiff', 'numbers-stereo-24bit-44k1.flac'],
];

export const never = (): boolean => false;
export const options = (more: Partial<DecodeOptions> = {}): DecodeOptions => ({
  ...decodeOptionsSchema.parse({}),
  ...more,
});
export const textOf = (recognition: Recognition | undefined): string =>
  recognition?.segments.map((segment) => segment.text).join('') ?? '';
export const plainWords = (text: string): string[] =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9' ]/g, '')
    .split(' ')
    .filter((word) => word !== '');

/** Words that differ: the least of insertions, deletions and replacements. */
export function wordErrors(expected: readonly string[], actual: readonly string[]): number {
  let row = actual.map((_, j) => j + 1);
  expected.forEach((word, i) => {
    const next: number[] = [];
    actual.forEach((other, j) => {
      const diagonal = j === 0 ? i : (row[j - 1] ?? 0);
      next.push(Math.min(diagonal + (word === other ? 0 : 1), (row[j] ?? 0) + 1, (next[j - 1] ?? i + 1) + 1));
    });
    row = next;
  });
  return row.at(-1) ?? expected.length;
}

/** The recognizer of the same model with some of the model's methods replaced. */
export function withModel(parts: WhisperParts, changed: Partial<SpeechModel>): WhisperRecognizer {
  return new WhisperRecognizer('whisper-tiny.en', { ...parts, model: changedModel(parts.model, changed) });
}
