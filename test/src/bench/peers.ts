import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { wordErrors } from '@murmuration/asr';
import { Cluster } from '../harness/cluster.js';
import { transcribe } from '../harness/api-requests.js';
import { median, printFigures, type Figure } from '../harness/figures.js';
import { sharedClips } from '../harness/speech.js';
import { ROOT } from '../harness/service-process.js';
import { WHISPER_TINY_EN } from '../harness/whisper-models.js';
import { RATE_HZ, joined, pcmOf, samples, wavFile } from '../harness/wav.js';
import { PeerPool, type PeerSettings } from './peers/peer-pool.js';
import { installPeers } from './peers/install-peers.js';

/*
 * The same recordings through the product end to end and through other people's programs, in turn, round by round, so that a noisy machine hurts all
 * alike: sherpa-onnx with the same Moonshine files, faster-whisper with the same Whisper weights. Each peer as it comes, and in the forms that are
 * best for it (processes × threads, batches). Word errors stand beside every speed.
 *   npm run bench -- peers [--rounds N] [--minutes N] [--whisper FOLDER]
 */

const CLIP_S = { least: 2, most: 12 };
/** Clips that are asked for at once. */
const CLIENTS = 8;
const PAUSE_MS = 500;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '4' },
    whisper: { type: 'string', default: WHISPER_TINY_EN },
  },
});
const rounds = Number(values.rounds);
const minutes = Number(values.minutes);
if (!(rounds >= 1) || !(minutes > 0)) throw new RangeError('--rounds and --minutes take a number above 0');

/** A recording as a file, with what is said in it. */
interface Recording {
  readonly path: string;
  readonly file: Buffer;
  readonly seconds: number;
  readonly said: string;
}

/** Recordings that are transcribed together, so many at once. */
interface Material {
  readonly name: 'clips' | 'recordings';
  readonly width: number;
  readonly all: readonly Recording[];
}

/** A program in one of its forms. */
interface Entrant {
  readonly name: string;
  readonly model: 'Moonshine tiny' | 'Whisper tiny.en';
  readonly asItComes: boolean;
  readonly ours: boolean;
  run(material: Material): Promise<readonly string[]>;
  close(): Promise<void>;
}

async function eachOf<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
    }),
  );
  return results;
}

async function material(folder: string): Promise<Material[]> {
  const found = [...(await samples())].map(({ name, pcm, said }) => ({ name, pcm, said }));
  for (const clip of sharedClips()) {
    if (clip.language !== 'en' || !clip.name.endsWith('.wav') || clip.said.length !== 1) continue;
    found.push({ name: clip.name, pcm: pcmOf(readFileSync(clip.path)), said: clip.said[0] ?? '' });
  }
  const clips = found.filter(
    ({ pcm, said }) => said !== '' && pcm.length >= CLIP_S.least * RATE_HZ && pcm.length <= CLIP_S.most * RATE_HZ,
  );
  const put = async (name: string, pcm: Int16Array, said: string): Promise<Recording> => {
    const file = wavFile(pcm);
    await writeFile(join(folder, name), file);
    return { path: join(folder, name), file, seconds: pcm.length / RATE_HZ, said };
  };
  const long = await Promise.all(
    [0, 1].map((first) => {
      const chosen: typeof clips = [];
      for (let s = 0; s < minutes * 60;) {
        const clip = clips[(first + chosen.length) % clips.length];
        if (clip === undefined) break;
        chosen.push(clip);
        s += clip.pcm.length / RATE_HZ + PAUSE_MS / 1_000;
      }
      const pcm = joined(
        chosen.map((clip) => clip.pcm),
        PAUSE_MS,
      );
      return put(`recording-${String(first)}.wav`, pcm, chosen.map((clip) => clip.said).join(' '));
    }),
  );
  return [
    {
      name: 'clips',
      width: CLIENTS,
      all: await Promise.all(clips.map((clip, i) => put(`clip-${String(i)}.wav`, clip.pcm, clip.said))),
    },
    { name: 'recordings', width: long.length, all: long },
  ];
}

async function ours(model: Entrant['model'], modelPath: string): Promise<Entrant> {
  const cluster = await Cluster.start({ worker: { MODEL_PATH: modelPath, MODEL_DTYPE: 'int8' } });
  return {
    name: 'Murmuration, end to end',
    model,
    asItComes: false,
    ours: true,
    run: ({ all, width }) => eachOf(all, width, async ({ file }) => (await transcribe(cluster.url, file)).text),
    close: () => cluster.close(),
  };
}

async function peer(
  form: Pick<Entrant, 'name' | 'model' | 'asItComes'>,
  python: string,
  processes: number,
  settings: PeerSettings,
): Promise<Entrant> {
  const pool = await PeerPool.start(python, processes, settings);
  return {
    ...form,
    name: `${form.name} ${pool.version}${form.asItComes ? ' as it comes' : `, ${String(processes)} × ${String(settings.threads)} threads, batch ${String(settings.batch)}`}`,
    ours: false,
    run: ({ all, name }) =>
      pool.transcribe(
        all.map(({ path }) => path),
        name === 'recordings',
      ),
    close: () => pool.close(),
  };
}

async function entrants(folder: string): Promise<Entrant[]> {
  const cores = availableParallelism();
  const { python, whisperModel } = await installPeers();
  const cache = join(ROOT, '.murmuration', 'models');
  const sherpa = {
    script: 'sherpa.py',
    encoder: join(cache, 'moonshine-tiny', 'encoder_model.onnx'),
    decoder: join(cache, 'moonshine-tiny', 'decoder_model_merged.onnx'),
    tokens: await moonshineTokens(folder),
    vad: join(cache, 'silero-vad', 'silero_vad_v5.onnx'),
  };
  const faster = { script: 'faster_whisper_peer.py', model: whisperModel };
  const moonshine = { name: 'sherpa-onnx', model: 'Moonshine tiny', asItComes: false } as const;
  const whisper = { name: 'faster-whisper', model: 'Whisper tiny.en', asItComes: false } as const;
  const all = [
    await ours('Moonshine tiny', 'moonshine-tiny'),
    await peer({ ...moonshine, asItComes: true }, python, 1, { ...sherpa, threads: 1, batch: 1 }),
    await peer(moonshine, python, cores, { ...sherpa, threads: 1, batch: 8 }),
    await peer(moonshine, python, 1, { ...sherpa, threads: cores, batch: 8 }),
  ];
  if (!existsSync(join(values.whisper, 'onnx'))) {
    process.stdout.write(`Whisper is left out: no model lies at ${values.whisper}; name one with --whisper\n`);
    return all;
  }
  return [
    ...all,
    await ours('Whisper tiny.en', values.whisper),
    // Its own defaults but for int8: beam 5, its own choice of threads, one window after the other.
    await peer({ ...whisper, asItComes: true }, python, 1, { ...faster, threads: 0, batch: 1, beam: 5 }),
    await peer(whisper, python, cores, { ...faster, threads: 1, batch: 1, beam: 1 }),
    await peer(whisper, python, cores, { ...faster, threads: 1, batch: 8, beam: 1 }),
    await peer(whisper, python, 1, { ...faster, threads: cores, batch: 8, beam: 1 }),
  ];
}

/** Moonshine's vocabulary as sherpa-onnx reads it: bytes of a token in base64, and its number. */
async function moonshineTokens(folder: string): Promise<string> {
  const { default: tokenizer } = await import('llama-tokenizer-js');
  const size = 32_768;
  const bytes = (id: number): Buffer => {
    const token = tokenizer.vocabById[id] ?? `<extra_${String(id)}>`;
    const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
    return byte === undefined ? Buffer.from(token) : Buffer.from(byte, 'hex');
  };
  const path = join(folder, 'tokens.txt');
  await writeFile(
    path,
    Array.from({ length: size }, (_, id) => `${bytes(id).toString('base64')}\t${String(id)}\n`).join(''),
  );
  return path;
}

const folder = await mkdtemp(join(tmpdir(), 'murmuration-peers-'));
const materials = await material(folder);
const running = await entrants(folder);
const speeds = new Map<string, number[]>();
const errors = new Map<string, { readonly errors: number; readonly words: number }>();
const keyOf = (entrant: Entrant, { name }: Material): string => `${entrant.model}, ${name}: ${entrant.name}`;
// The first round warms all up.
for (let round = -1; round < rounds; round++) {
  for (const set of materials) {
    for (const entrant of running) {
      const began = performance.now();
      const texts = await entrant.run(set);
      const seconds = (performance.now() - began) / 1_000;
      const key = keyOf(entrant, set);
      if (round < 0) continue;
      speeds.set(key, [...(speeds.get(key) ?? []), set.all.reduce((sum, one) => sum + one.seconds, 0) / seconds]);
      const wrong = set.all.map(({ said }, i) => wordErrors(said, texts[i] ?? ''));
      errors.set(key, {
        errors: wrong.reduce((sum, one) => sum + one.errors, 0),
        words: wrong.reduce((sum, one) => sum + one.words, 0),
      });
    }
  }
}
for (const entrant of running) await entrant.close();
await rm(folder, { recursive: true });

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
  }
const GOALS = {
  'Moonshine tiny, clips': { comes: 3.5, best: 1.8 },
  'Moonshine tiny, recordings': { comes: null, best: 2.3 },
  'Whisper tiny.en, clips': { comes: 4, best: 3 },
  'Whisper tiny.en, recordings': { comes: null, best: 1.5 },
} as const;
for (const [work, goals] of Object.entries(GOALS)) {
  // Round by round: what slowed one round slowed all of it.
  const of = (wanted: (entrant: Entrant) => boolean): readonly (readonly number[])[] =>
    running
      .filter((entrant) => work.startsWith(entrant.model) && wanted(entrant))
      .map((entrant) => speeds.get(`${work}: ${entrant.name}`) ?? []);
  const [mine = []] = of((entrant) => entrant.ours);
  const [comes = []] = of((entrant) => entrant.asItComes);
  const best = [...of((entrant) => !entrant.ours)].sort((a, b) => median(b) - median(a))[0] ?? [];
  for (const [form, theirs, goal] of [
    ['as it comes', comes, goals.comes],
    ['at its best', best, goals.best],
  ] as const) {
    if (mine.length === 0) continue;
    const ratios = mine.map((speed, round) => speed / (theirs[round] ?? Number.NaN));
    figures.push({
      name: `${work}: ratio to the peer ${form}`,
      value: median(ratios),
      unit: '',
      note: `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}${goal === null ? '' : `; goal ${String(goal)}`}`,
    });
  }
}
printFigures('peers', figures);
