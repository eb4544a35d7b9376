import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { audioFolder, workerEnvironment } from './worker-environment.js';

test('A single worker gets the machine as it is', () => {
  assert.deepEqual(workerEnvironment(0, 1, { environment: {}, gpus: ['0', '1'], cores: 8 }), {});
});

test('Several workers share the cores and take a GPU each, in turn when there are fewer', () => {
  const of = (index: number) => workerEnvironment(index, 3, { environment: {}, gpus: ['0', '1'], cores: 8 });
  assert.deepEqual(
    [of(0), of(1), of(2)],
    [
      { CUDA_VISIBLE_DEVICES: '0', OMP_NUM_THREADS: '2' },
      { CUDA_VISIBLE_DEVICES: '1', OMP_NUM_THREADS: '2' },
      { CUDA_VISIBLE_DEVICES: '0', OMP_NUM_THREADS: '2' },
    ],
  );
  assert.deepEqual(workerEnvironment(1, 4, { environment: {}, gpus: [], cores: 2 }), { OMP_NUM_THREADS: '1' });
});

test('What the person set is kept, and a list of GPUs is dealt out', () => {
  assert.deepEqual(
    workerEnvironment(1, 2, {
      environment: { OMP_NUM_THREADS: '6', CUDA_VISIBLE_DEVICES: '4, 5' },
      gpus: [],
      cores: 8,
    }),
    { CUDA_VISIBLE_DEVICES: '5' },
  );
  assert.deepEqual(
    workerEnvironment(1, 2, { environment: { OMP_NUM_THREADS: '6', CUDA_VISIBLE_DEVICES: '4' }, gpus: [], cores: 8 }),
    {},
  );
});

test('Audio lies in one folder for all services unless the person names another', () => {
  assert.deepEqual(audioFolder({}, '/state'), { AUDIO_STORE_DIR: join('/state', 'audio') });
  assert.deepEqual(audioFolder({ AUDIO_STORE_DIR: '' }, '/state'), { AUDIO_STORE_DIR: join('/state', 'audio') });
  assert.deepEqual(audioFolder({ AUDIO_STORE_DIR: '/elsewhere' }, '/state'), {});
});
