import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelCard } from '@murmuration/contracts';
import { TEST_MODEL } from '@murmuration/store/testing';
import { chooseModel } from './choose-model.js';

/** A worker's card. @param startedAtMs when the worker started */
function card(id: string, startedAtMs: number, draining = false): ModelCard {
  return {
    workerId: `${id}-${String(startedAtMs)}`,
    device: 'cpu',
    gpu: null,
    sessions: 1,
    maxBatch: 1,
    holds: 1,
    speed: 1,
    memoryBytes: 1,
    startedAtMs,
    seenAtMs: startedAtMs,
    draining,
    model: { ...TEST_MODEL, id, slug: id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-') },
  };
}

const moonshine = card('moonshine-tiny', 1_000);
const base = card('base', 2_000);
const hub = card('onnx-community/whisper-small.en_timestamped', 3_000);
const all = { workers: [hub, base, moonshine], models: [hub, base, moonshine] };

function chosen(name: string | null, cards = all, defaultModel: string | null = null): string {
  return chooseModel(name, cards, defaultModel).model.id;
}

const ALIASES = [
  'whisper-1',
  'openai/whisper-1',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-mini-transcribe-2025-12-15',
  'gpt-4o-transcribe-diarize',
  'gpt-realtime',
  'whisper',
  'tiny',
  'tiny.en',
  'medium',
  'medium.en',
  'large',
  'large-v1',
  'large-v2',
  'large-v3',
  'large-v3-turbo',
  'turbo',
  'distil-small.en',
  'distil-medium.en',
  'distil-large-v2',
  'distil-large-v3',
  'distil-large-v3.5',
  'whisper-large-v3',
  'whisper-large-v3-turbo',
  'whisper-tiny.en',
  'openai/whisper-large-v3',
  'openai/whisper-tiny',
  'Systran/faster-whisper-large-v3',
  'Systran/faster-whisper-tiny.en',
  'Systran/faster-distil-whisper-large-v3',
  'faster-whisper-medium',
  'deepdml/faster-whisper-large-v3-turbo-ct2',
  'mobiuslabsgmbh/faster-whisper-large-v3-turbo',
  'guillaumekln/faster-whisper-large-v2',
  'distil-whisper/distil-large-v3',
  'distil-whisper-large-v3-en',
  'mlx-community/whisper-large-v3-mlx',
  'Xenova/whisper-tiny',
  'onnx-community/whisper-large-v3-turbo_timestamped',
  '@cf/openai/whisper-large-v3-turbo',
  'ggml-large-v3-turbo-q5_0.bin',
  'ggml-tiny.en',
  'whisper_large_v3',
  'WHISPER-LARGE',
  'whisper-v3-turbo',
  'nova',
  'nova-2',
  'nova-3',
  '2-general-nova',
  'whisper-v2',
  'openai/whisper-large-v3:latest',
  'faster-whisper-large-v2-int8_bfloat16',
  'nova-2-general',
  'nova-3-medical',
  'enhanced',
  'enhanced-phonecall',
  'base-meeting',
  'general',
  'flux-general-en',
  'whisper-large',
  'whisper-medium',
];
const UNKNOWN = [
  'zzz',
  'nobody',
  'latest_long',
  'whisper-9',
  'whisper-1-zzz',
  'my-whisper-finetune',
  'novax',
  'gpt',
  'tinyx',
  'large-v',
  'toString',
  'constructor',
  '@',
  '/',
  'parakeet-tdt-0.6b',
  'vosk-model-en',
];

describe('The model that serves a name', () => {
  test('without a default the one that has been served longest serves those who name none, and every alias', () => {
    for (const name of [null, '', ...ALIASES]) assert.equal(chosen(name), 'moonshine-tiny', String(name));
  });

  test('DEFAULT_MODEL serves them where it is set, in any of its spellings', () => {
    for (const given of ['base', 'whisper-base', 'openai/whisper-base']) {
      for (const name of [null, '', ...ALIASES]) assert.equal(chosen(name, all, given), 'base', String(name));
    }
    assert.equal(chosen(null, all, 'not-there'), 'moonshine-tiny');
  });

  test('a served model wins under its own name and its spellings, over the default', () => {
    for (const name of [
      'base',
      'whisper-base',
      'openai/whisper-base',
      'Systran/faster-whisper-base',
      'onnx-community/whisper-base_timestamped',
      'Base',
    ])
      assert.equal(chosen(name), 'base', name);
    for (const name of [
      hub.model.id,
      hub.model.slug,
      'small.en',
      'whisper-small.en',
      'Systran/faster-whisper-small.en',
    ])
      assert.equal(chosen(name), hub.model.id, name);
    for (const name of ['moonshine-tiny', 'UsefulSensors/moonshine-tiny', 'onnx-community/moonshine-tiny-ONNX'])
      assert.equal(chosen(name, all, 'base'), 'moonshine-tiny', name);
    const turbo = card('large-v3-turbo', 4_000);
    for (const name of ['turbo', 'whisper-large-v3-turbo', 'deepdml/faster-whisper-large-v3-turbo-ct2'])
      assert.equal(chosen(name, { workers: [moonshine, turbo], models: [moonshine, turbo] }), 'large-v3-turbo', name);
  });

  test('an unknown name is refused with the names that are served, however many those are', () => {
    for (const served of [all.workers, [moonshine]]) {
      for (const name of UNKNOWN) {
        assert.throws(
          () => chosen(name, { workers: served, models: served }),
          (error: { code?: string; message?: string }) =>
            error.code === 'model_not_found' && served.every(({ model }) => error.message?.includes(model.id)),
          name,
        );
      }
    }
  });

  test('a model without a worker that takes work comes after those that have one', () => {
    assert.equal(chosen(null, { workers: [base], models: [moonshine, base] }), 'base');
    assert.equal(chosen(null, { workers: [card('moonshine-tiny', 1, true), base], models: [moonshine, base] }), 'base');
    assert.equal(chosen(null, { workers: [], models: [base, moonshine] }), 'moonshine-tiny');
    assert.equal(chosen('moonshine-tiny', { workers: [base], models: [moonshine, base] }), 'moonshine-tiny');
  });
});
