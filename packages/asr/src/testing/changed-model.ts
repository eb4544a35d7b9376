import type { SpeechModel } from '../families/whisper/model/speech-model.js';

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
