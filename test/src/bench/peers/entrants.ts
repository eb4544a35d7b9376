import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { transcribe } from '../../harness/api-requests.js';
import { Cluster } from '../../harness/cluster.js';
import { ROOT } from '../../harness/service-process.js';
import { installPeers } from './install-peers.js';
import type { Material } from './material.js';
import { fasterWhisperForms, workerSettings, type PeerDevice } from './peer-device.js';
import { PeerPool, type PeerSettings } from './peer-pool.js';

/** The models that are compared. */
export type PeerModel = 'Moonshine tiny' | `Whisper ${string}`;

/** What is compared, and where. */
export interface PeerChoice {
  readonly model: PeerModel;
  readonly device: PeerDevice;
  /** The Whisper as the product reads it: its folder, or a name without a path. */
  readonly whisper: string;
  /** The same for faster-whisper: a folder or a name; default tiny.en. */
  readonly fasterWhisper: string | undefined;
}

/** A program in one of its forms. */
export interface Entrant {
  readonly name: string;
  readonly model: PeerModel;
  readonly asItComes: boolean;
  readonly ours: boolean;
  /** Processes whose processor time counts: of the product the API and the worker, without Redis. */
  readonly pids: readonly number[];
  run(material: Material): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A worker on a card rewrites, loads and warms up a large model in this time at most. */
const START_ON_CARD_MS = 600_000;

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

async function ours(model: PeerModel, modelPath: string, device: PeerDevice): Promise<Entrant> {
  const cluster = await Cluster.start({
    worker: workerSettings(modelPath, device),
    wholeMachine: true,
    ...(device === 'cpu' ? {} : { workerStartMs: START_ON_CARD_MS }),
  });
  // Peers are told the language, too; a model of one language needs no word of it.
  const query = model === 'Moonshine tiny' ? '' : '?language=en';
  return {
    name: 'Murmuration, end to end',
    model,
    asItComes: false,
    ours: true,
    pids: [cluster.api, ...cluster.workers].map((process) => process.pid),
    run: ({ all, width }) => eachOf(all, width, async ({ file }) => (await transcribe(cluster.url, file, query)).text),
    close: () => cluster.close(),
  };
}

async function peer(
  form: Pick<Entrant, 'name' | 'model' | 'asItComes'>,
  python: string,
  processes: number,
  settings: PeerSettings,
  libraries?: string,
): Promise<Entrant> {
  const pool = await PeerPool.start(python, processes, settings, libraries);
  return {
    ...form,
    name: `${form.name} ${pool.version}${form.asItComes ? ' as it comes' : `, ${String(processes)} × ${String(settings.threads)} threads, batch ${String(settings.batch)}`}`,
    ours: false,
    pids: pool.pids,
    run: ({ all, name }) =>
      pool.transcribe(
        all.map(({ path }) => path),
        name === 'recordings',
      ),
    close: () => pool.close(),
  };
}

/**
 * Starts the product and the peers with one model. When one of them does not start, the others are ended and its error is thrown.
 * @param folder where files that peers need are put
 */
export async function startEntrants(choice: PeerChoice, folder: string): Promise<Entrant[]> {
  const starts = choice.model === 'Moonshine tiny' ? await moonshineStarts(folder) : await whisperStarts(choice);
  const started: Entrant[] = [];
  try {
    for (const start of starts) started.push(await start());
    return started;
  } catch (error) {
    await endAll(started);
    throw error;
  }
}

/** Ends them all, also when one of them does not end well. */
export async function endAll(entrants: readonly Entrant[]): Promise<void> {
  await Promise.allSettled(entrants.map((entrant) => entrant.close()));
}

type Start = () => Promise<Entrant>;

async function moonshineStarts(folder: string): Promise<Start[]> {
  const cores = availableParallelism();
  const { python } = await installPeers('cpu');
  const cache = join(ROOT, '.murmuration', 'models');
  const sherpa = {
    script: 'sherpa.py',
    encoder: join(cache, 'moonshine-tiny', 'encoder_model.onnx'),
    decoder: join(cache, 'moonshine-tiny', 'decoder_model_merged.onnx'),
    tokens: await moonshineTokens(folder),
    vad: join(cache, 'silero-vad', 'silero_vad_v5.onnx'),
  };
  const form = { name: 'sherpa-onnx', model: 'Moonshine tiny', asItComes: false } as const;
  return [
    () => ours('Moonshine tiny', 'moonshine-tiny', 'cpu'),
    () => peer({ ...form, asItComes: true }, python, 1, { ...sherpa, threads: 1, batch: 1 }),
    () => peer(form, python, cores, { ...sherpa, threads: 1, batch: 8 }),
    () => peer(form, python, 1, { ...sherpa, threads: cores, batch: 8 }),
  ];
}

async function whisperStarts({ model, device, whisper, fasterWhisper }: PeerChoice): Promise<Start[]> {
  if (/[/\\]/.test(whisper) && !existsSync(join(whisper, 'onnx'))) {
    process.stdout.write(`Whisper is left out: no model lies at ${whisper}; name one with --whisper\n`);
    return [];
  }
  const { python, whisperModel, libraries } = await installPeers(device);
  const faster = { script: 'faster_whisper_peer.py', model: fasterWhisper ?? whisperModel };
  return [
    () => ours(model, whisper, device),
    ...fasterWhisperForms(device, availableParallelism()).map(
      ({ asItComes, processes, settings }) =>
        () =>
          peer({ name: 'faster-whisper', model, asItComes }, python, processes, { ...faster, ...settings }, libraries),
    ),
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
