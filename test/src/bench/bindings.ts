import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { loadRecognizer, resolveModel, type Dtype, type Recognizer } from '@murmuration/asr';
import { decodeOptionsSchema } from '@murmuration/contracts';
import { benchOptions } from '../harness/bench-options.js';
import { median, printFigures, type Figure } from '../harness/figures.js';
import { ROOT } from '../harness/service-process.js';
import { RATE_HZ, joined, samples } from '../harness/wav.js';

/*
 * The two bindings of the models' runtime on a CPU, in turn, round by round, one session of one thread each: what the native one takes for a batch as
 * a share of what Node's takes. Processor time is the figure that other work on the machine blurs least. Texts must be the same.
 *
 *   npm run bench -- bindings [--model PATH] [--dtype auto|fp32|fp16|int8] [--batches 1,8] [--rounds N]
 */

const BINDINGS = ['node', 'native'] as const;
const DTYPES: readonly Dtype[] = ['auto', 'fp32', 'fp16', 'int8'];
const CHUNK_SECONDS = { whisper: 28, moonshine: 10 };

interface Spent {
  readonly wallMs: number;
  readonly processorMs: number;
  readonly decoderMs: number;
  readonly text: string;
}

const values = benchOptions({
  model: { type: 'string', default: 'moonshine-tiny' },
  dtype: { type: 'string', default: 'auto' },
  batches: { type: 'string', default: '1,8' },
  rounds: { type: 'string', default: '9' },
});
const dtype = DTYPES.find((known) => known === values.dtype);
const batches = values.batches.split(',').map(Number);
const rounds = Number(values.rounds);
if (dtype === undefined) throw new RangeError(`--dtype must be one of ${DTYPES.join(', ')}`);
if (![...batches, rounds].every((one) => Number.isInteger(one) && one >= 1))
  throw new RangeError('--batches and --rounds must be whole numbers, 1 or more');

const model = await resolveModel(values.model, { cacheDir: join(ROOT, '.murmuration', 'models'), dtype });
const recorded = await samples();
const seconds = model.family === 'whisper' ? CHUNK_SECONDS.whisper : CHUNK_SECONDS.moonshine;
const chunk = Float32Array.from(
  joined(
    recorded.map(({ pcm }) => pcm),
    400,
  ).subarray(0, seconds * RATE_HZ),
  (value) => value / 32_768,
);
const options = decodeOptionsSchema.parse({ language: 'en' });

async function spent(recognizer: Recognizer, batch: number): Promise<Spent> {
  const before = recognizer.stageMs?.decoder ?? 0;
  const processor = process.cpuUsage();
  const began = performance.now();
  const written = await recognizer.recognize(
    Array.from({ length: batch }, () => ({ pcm: chunk, options })),
    () => false,
  );
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(processor);
  return {
    wallMs,
    processorMs: (user + system) / 1_000,
    decoderMs: (recognizer.stageMs?.decoder ?? 0) - before,
    text: JSON.stringify(written),
  };
}

const [node, native] = [
  await loadRecognizer({ model, dtype, device: 'cpu', threads: 1, binding: BINDINGS[0] }),
  await loadRecognizer({ model, dtype, device: 'cpu', threads: 1, binding: BINDINGS[1] }),
];
const figures: Figure[] = [];
for (const batch of batches) {
  const pairs: (readonly [node: Spent, native: Spent])[] = [];
  for (let round = -1; round < rounds; round++) {
    // Each begins every other round; the first round warms both up.
    const nativeFirst = round % 2 === 0 ? await spent(native, batch) : null;
    const ofNode = await spent(node, batch);
    const ofNative = nativeFirst ?? (await spent(native, batch));
    if (ofNode.text !== ofNative.text) throw new Error('the bindings wrote different texts');
    if (round >= 0) pairs.push([ofNode, ofNative]);
  }
  for (const [what, name] of [
    ['processorMs', 'processor time'],
    ['wallMs', 'time'],
    ['decoderMs', "decoder's time"],
  ] as const)
    figures.push({
      name: `batch ${String(batch)}, ${name}`,
      value: median(pairs.map(([one, other]) => other[what] / one[what])),
      unit: 'native / node',
      note: `${median(pairs.map(([one]) => one[what])).toFixed(0)} and ${median(pairs.map(([, other]) => other[what])).toFixed(0)} ms`,
    });
}
for (const recognizer of [node, native]) await recognizer.close();
process.stdout.write(
  `${model.id} ${native.description.dtype}, a session of one thread each on ${String(availableParallelism())} cores, medians of ${String(rounds)} rounds, load ${(loadavg()[0] ?? 0).toFixed(1)}\n`,
);
printFigures('bindings', figures);
