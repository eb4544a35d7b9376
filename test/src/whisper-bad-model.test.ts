import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { gpuFacts } from '@murmuration/runtime';
import { ServiceProcess } from './harness/service-process.js';
import { WHISPER_TINY_EN, WITHOUT_WHISPER } from './harness/whisper-models.js';

/** A folder like that of the model, of links to its files: any of them may be taken away or replaced. */
async function copyOf(folder: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'murmuration-model-'));
  await mkdir(join(copy, 'onnx'));
  for (const part of ['.', 'onnx']) {
    for (const entry of await readdir(join(folder, part), { withFileTypes: true })) {
      if (entry.isFile()) await symlink(join(folder, part, entry.name), join(copy, part, entry.name));
    }
  }
  return copy;
}

async function replace(file: string, content: string): Promise<void> {
  await unlink(file);
  await writeFile(file, content);
}

describe('A worker whose model cannot be served', { skip: WITHOUT_WHISPER }, () => {
  let redis: TestRedis;
  let folder: string;
  before(async () => {
    redis = await startRedis();
    folder = await copyOf(WHISPER_TINY_EN);
  });
  after(async () => {
    await redis.close();
    await rm(folder, { recursive: true });
  });

  /** Starts a worker that must end by itself: it says why once, and is ready at no moment. */
  async function refusal(environment: Readonly<Record<string, string>>): Promise<string> {
    const worker = await ServiceProcess.launch('worker', {
      REDIS_URL: redis.url,
      MODEL_PATH: folder,
      DEVICE: 'cpu',
      ...environment,
    });
    const seen = new Set<number | null>();
    const look = (): void => {
      void worker.probe('/readyz').then((status) => seen.add(status));
    };
    const looking = setInterval(look, 20);
    const status = await worker.exited;
    clearInterval(looking);
    assert.equal(status, 1, worker.log);
    assert.ok(!seen.has(200), 'it was ready');
    const reasons = worker.log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { level: string; reason?: string })
      .filter(({ level }) => level === 'fatal');
    assert.equal(reasons.length, 1, worker.log);
    return reasons[0]?.reason ?? '';
  }

  test('An unknown name is told what names there are', async () => {
    assert.match(
      await refusal({ MODEL_PATH: 'whisper-gigantic' }),
      /whisper-gigantic is unknown: use one of moonshine-tiny, tiny, .*large-v3/,
    );
  });

  test('A folder without a file that is needed is told which', async () => {
    await unlink(join(folder, 'tokenizer.json'));
    assert.match(await refusal({}), /lacks tokenizer\.json/);
    await symlink(join(WHISPER_TINY_EN, 'tokenizer.json'), join(folder, 'tokenizer.json'));
  });

  test('A graph that was cut short is told by name', async () => {
    const name = 'encoder_model_quantized.onnx';
    const file = join(folder, 'onnx', name);
    await unlink(file);
    await cp(join(WHISPER_TINY_EN, 'onnx', name), file);
    await truncate(file, 100_000);
    assert.match(await refusal({}), /onnx\/encoder_model_quantized\.onnx of the model cannot be loaded as a graph/);
    await unlink(file);
    await symlink(join(WHISPER_TINY_EN, 'onnx', name), file);
  });

  test('A dtype that the folder lacks is refused with those that it has', async () => {
    assert.match(await refusal({ MODEL_DTYPE: 'fp32' }), /no fp32: set MODEL_DTYPE to fp16 or int8/);
  });

  test('A model that does not recognise speech is refused, naming its type', async () => {
    await replace(join(folder, 'config.json'), '{"model_type": "bert"}');
    assert.match(await refusal({}), /bert/);
    await replace(join(folder, 'config.json'), '{"model_type": ');
    assert.match(await refusal({}), /config\.json/);
  });

  test('A hub address that is not http is refused at the start, naming the variable', async () => {
    for (const address of ['ftp://hub.example', 'file:///etc', 'hub.example']) {
      const worker = await ServiceProcess.launch('worker', {
        REDIS_URL: redis.url,
        HF_ENDPOINT: address,
        MODEL_PATH: 'tiny.en',
      });
      assert.notEqual(await worker.exited, 0);
      assert.match(worker.log, /HF_ENDPOINT: must be an http\(s\) address/);
      assert.equal(worker.log.match(/HF_ENDPOINT/g)?.length, 1, worker.log);
    }
  });

  test('No GPU where one is asked for is refused, with the ways out', async (context) => {
    if ((await gpuFacts()).length > 0) {
      context.skip('this machine has a GPU');
      return;
    }
    assert.match(
      await refusal({ DEVICE: 'webgpu' }),
      /DEVICE=webgpu cannot be had: .*DEVICE=cpu.*ALLOW_CPU_FALLBACK=true/,
    );
  });
});
