import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelProgress } from '@murmuration/asr';
import type { Logger } from '@murmuration/runtime';
import { findingLog } from './load-model.js';

function lines(): { readonly told: unknown[]; readonly logger: Logger } {
  const told: unknown[] = [];
  return {
    told,
    logger: {
      info: (facts: object, message: string) => {
        told.push([message, facts]);
      },
    } as unknown as Logger,
  };
}

const at = (step: ModelProgress['step'], doneBytes: number, totalBytes = 1_000_000_000): ModelProgress => ({
  step,
  reason: '',
  file: step === 'waiting' ? '' : 'a.onnx',
  doneBytes,
  totalBytes,
});

test('A step is told when it begins, then every two seconds, and the end of fetching in any case', () => {
  const { told, logger } = lines();
  let nowMs = 0;
  const tell = findingLog(logger, () => nowMs);
  tell(at('waiting', 0, 0));
  tell(at('downloading', 0));
  nowMs = 1_999;
  tell(at('downloading', 400_000_000));
  nowMs = 2_000;
  tell(at('downloading', 505_000_000));
  tell(at('downloading', 1_000_000_000));
  tell(at('downloading', 1_000_000_000));
  assert.deepEqual(told, [
    ['another process fetches the model', { step: 'waiting' }],
    ['fetching the model', { step: 'downloading', file: 'a.onnx', percent: 0, megabytes: 1_000 }],
    ['fetching the model', { step: 'downloading', file: 'a.onnx', percent: 50, megabytes: 1_000 }],
    ['fetching the model', { step: 'downloading', file: 'a.onnx', percent: 100, megabytes: 1_000 }],
  ]);
});

test('Verifying is told of large models only', () => {
  const { told, logger } = lines();
  const tell = findingLog(logger, () => 0);
  tell(at('verifying', 10, 28_000_000));
  tell(at('verifying', 10));
  assert.deepEqual(told, [
    ['verifying the model', { step: 'verifying', file: 'a.onnx', percent: 0, megabytes: 1_000 }],
  ]);
});
