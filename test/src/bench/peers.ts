import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { wordErrors } from '@murmuration/asr';
import { benchOptions } from '../harness/bench-options.js';
import { median, printFigures, type Figure } from '../harness/figures.js';
import { WHISPER_TINY_EN } from '../harness/whisper-models.js';
import { endAll, startEntrants, type Entrant, type PeerModel } from './peers/entrants.js';
import { material, type Material } from './peers/material.js';
import { missingForCard, type PeerDevice } from './peers/peer-device.js';
import { processorMs } from './peers/processor-time.js';

/*
 * The same recordings through the product end to end and through other people's programs, in turn, round by round, so that a noisy machine hurts all
 * alike: sherpa-onnx with the same Moonshine files, faster-whisper with the same Whisper weights. Each peer as it comes, and in the forms that are
 * best for it (processes × threads, batches). Word errors stand beside every speed.
 * --short takes recordings of one minute and ends after about ten minutes: no round begins once a model's half of the time is over.
 *   npm run bench -- peers [--short] [--rounds N] [--minutes N] [--device cpu|cuda] [--whisper MODEL] [--faster-whisper MODEL]
 *
 * --device cuda compares on an NVIDIA card: the product with DEVICE=cuda and MODEL_DTYPE=fp16, faster-whisper with device="cuda" and
 *   compute_type="float16", as it comes and batched (8, 16, 32; four processes with 16). sherpa-onnx, whose
 *   package is for CPUs, is left out, and Moonshine with it.
 * --whisper is the product's model: a folder with onnx/ or a name such as large-v3-turbo (murmur models pull it first, with --dtype fp16); default tiny.en.
 * --faster-whisper is the same model for faster-whisper, a folder or a name that it fetches; default tiny.en.
 */

const SHORT = { minutes: 1, budgetMs: 240_000 };

const values = benchOptions({
  short: { type: 'boolean', default: false },
  rounds: { type: 'string', default: '3' },
  minutes: { type: 'string' },
  device: { type: 'string', default: 'cpu' },
  whisper: { type: 'string', default: WHISPER_TINY_EN },
  'faster-whisper': { type: 'string' },
});
const DEVICES: readonly PeerDevice[] = ['cpu', 'cuda'];
const device = DEVICES.find((known) => known === values.device);
if (device === undefined) throw new RangeError(`--device must be one of ${DEVICES.join(', ')}`);
const rounds = Number(values.rounds);
const minutes = Number(values.minutes ?? (values.short ? SHORT.minutes : 4));
if (!(rounds >= 1) || !(minutes > 0)) throw new RangeError('--rounds and --minutes take a number above 0');

const missing = device === 'cuda' ? await missingForCard() : null;
if (missing !== null) {
  process.stderr.write(missing);
  process.exit(1);
}
const whisperName = `Whisper ${basename(values.whisper).replace(/^whisper-/, '')}` as const;
const models: readonly PeerModel[] = device === 'cpu' ? ['Moonshine tiny', whisperName] : [whisperName];

const speeds = new Map<string, number[]>();
/** Seconds of audio a second of processor time: what else the machine does changes it least. */
const thrift = new Map<string, number[]>();
const errors = new Map<string, { readonly errors: number; readonly words: number }>();
const keyOf = (entrant: Entrant, { name }: Material): string => `${entrant.model}, ${name}: ${entrant.name}`;

/** Everything through one entrant; kept unless it is to warm it up. */
async function take(entrant: Entrant, set: Material, warming: boolean): Promise<void> {
  const workedMs = processorMs(entrant.pids);
  const began = performance.now();
  const texts = await entrant.run(set);
  const seconds = (performance.now() - began) / 1_000;
  if (warming) return;
  const key = keyOf(entrant, set);
  const audioS = set.all.reduce((sum, one) => sum + one.seconds, 0);
  thrift.set(key, [...(thrift.get(key) ?? []), audioS / ((processorMs(entrant.pids) - workedMs) / 1_000)]);
  speeds.set(key, [...(speeds.get(key) ?? []), audioS / seconds]);
  const wrong = set.all.map(({ said }, i) => wordErrors(said, texts[i] ?? ''));
  errors.set(key, {
    errors: wrong.reduce((sum, one) => sum + one.errors, 0),
    words: wrong.reduce((sum, one) => sum + one.words, 0),
  });
}

const running: Entrant[] = [];
const folder = await mkdtemp(join(tmpdir(), 'murmuration-peers-'));
const materials = await material(folder, minutes);
try {
  for (const model of models) {
    const began = performance.now();
    const choice = { model, device, whisper: values.whisper, fasterWhisper: values['faster-whisper'] };
    const started = await startEntrants(choice, folder);
    try {
      process.stdout.write(`${model}: ${started.map((entrant) => entrant.name).join('; ')}\n`);
      // A few clips warm all up.
      for (const entrant of started)
        for (const set of materials.slice(0, 1)) await take(entrant, { ...set, all: set.all.slice(0, 4) }, true);
      for (let round = 0; round < rounds; round++) {
        if (values.short && round > 0 && performance.now() - began > SHORT.budgetMs) break;
        for (const set of materials) for (const entrant of started) await take(entrant, set, false);
        process.stdout.write(`${model}: round ${String(round + 1)} done\n`);
      }
      running.push(...started);
    } finally {
      await endAll(started);
    }
  }
} finally {
  await rm(folder, { recursive: true });
}

const figures: Figure[] = [];
for (const set of materials)
  for (const entrant of running) {
    const key = keyOf(entrant, set);
    const all = speeds.get(key) ?? [];
    const { errors: wrong, words } = errors.get(key) ?? { errors: 0, words: 0 };
    figures.push({
      name: key,
      value: median(all),
      unit: 'x real time',
      note: `${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)} in ${String(all.length)} rounds; ${String(wrong)} of ${String(words)} words wrong`,
    });
    const perProcessor = thrift.get(key) ?? [];
    figures.push({
      name: `${key}, by processor time`,
      value: median(perProcessor),
      unit: 's of audio a processor second',
      note: `${Math.min(...perProcessor).toFixed(1)} to ${Math.max(...perProcessor).toFixed(1)}`,
    });
  }
interface Goals {
  readonly comes: number | null;
  readonly best: number | null;
}
/** On a CPU. */
const GOALS: Readonly<Record<string, Goals>> = {
  'Moonshine tiny, clips': { comes: 3.5, best: 1.8 },
  'Moonshine tiny, recordings': { comes: null, best: 2.3 },
  'Whisper tiny.en, clips': { comes: 4, best: 3 },
  'Whisper tiny.en, recordings': { comes: null, best: 1.5 },
};
for (const work of models.flatMap((model) => materials.map(({ name }) => `${model}, ${name}`))) {
  const goals = (device === 'cpu' ? GOALS[work] : undefined) ?? { comes: null, best: null };
  for (const [measure, all] of [
    ['ratio', speeds],
    ['ratio of processor time', thrift],
  ] as const) {
    // Round by round: what slowed one round slowed all of it.
    const of = (wanted: (entrant: Entrant) => boolean): readonly (readonly number[])[] =>
      running
        .filter((entrant) => work.startsWith(entrant.model) && wanted(entrant))
        .map((entrant) => all.get(`${work}: ${entrant.name}`) ?? []);
    const [mine = []] = of((entrant) => entrant.ours);
    const [comes = []] = of((entrant) => entrant.asItComes);
    const best = [...of((entrant) => !entrant.ours)].sort((a, b) => median(b) - median(a))[0] ?? [];
    for (const [form, theirs, goal] of [
      ['as it comes', comes, goals.comes],
      ['at its best', best, goals.best],
    ] as const) {
      if (mine.length === 0) continue;
      const ratios = mine.map((value, round) => value / (theirs[round] ?? Number.NaN));
      figures.push({
        name: `${work}: ${measure} to the peer ${form}`,
        value: median(ratios),
        unit: '',
        note: `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}${goal === null || all !== speeds ? '' : `; goal ${String(goal)}`}`,
      });
    }
  }
}
printFigures(device === 'cpu' ? 'peers' : 'peers-on-a-card', figures);
