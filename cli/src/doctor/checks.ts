import { existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gpuFacts } from '@murmuration/runtime';
import { runCommand } from '../../../scripts/setup/command.mjs';
import { findExecutable } from '../../../scripts/setup/executables.mjs';
import { stateFolder, typedModel } from '../../../scripts/setup/paths.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import { listModels } from '@murmuration/asr';
import { ARTIFACTS } from '../../../scripts/setup/artifacts.mjs';
import type { CliConfig, Environment } from '../config.js';
import { formatBytes } from '../terminal.js';
import { bracketed, reachableHost } from '../up/addresses.js';
import { choosePorts, requireFreePorts } from '../up/ports.js';

/** What one check found: a line for a person. */
export interface Finding {
  readonly name: string;
  /** `note`: it works, with something to know. `bad`: it does not work until something is done. */
  readonly state: 'ok' | 'note' | 'bad';
  /** What is so and, unless it is `ok`, what to do. */
  readonly text: string;
}

/** How a line begins that says it. */
export const MARKS = { ok: 'ok  ', note: 'note', bad: 'BAD ' } as const;

const ANSWER_MS = 5_000;
/** Less than this and uploads, audio that waits and Redis' files soon find no room. */
const NO_ROOM_BYTES = 1e9;
const LITTLE_ROOM_BYTES = 5e9;

/** Whether Node.js is one that the services run on. */
export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const runs = major > 20 || (major === 20 && minor >= 19);
  return runs
    ? { name: 'node', state: 'ok', text: `version ${version}` }
    : { name: 'node', state: 'bad', text: `version ${version} is too old. Install 20.19 or later; 24 is recommended.` };
}

/** Whether there is an ffmpeg, and which. */
export async function checkFfmpeg(environment: Environment): Promise<Finding> {
  const given = environment['FFMPEG_PATH']?.trim() ?? '';
  const path = given === '' ? findExecutable(['ffmpeg'], environment['PATH'] ?? '') : given;
  const lacks = 'm4a, aac and video containers cannot be read without it; wav, mp3, flac, ogg and webm audio can.';
  if (path === null)
    return { name: 'ffmpeg', state: 'note', text: `not there: ${lacks} Install it, for example: apt install ffmpeg` };
  const { code, stdout } = await runCommand(path, ['-version'], { timeoutMs: ANSWER_MS });
  const version = /^ffmpeg version (\S+)/.exec(stdout)?.[1];
  return code !== 0 || version === undefined
    ? {
        name: 'ffmpeg',
        state: 'bad',
        text: `${path} does not run. Install it anew, or set FFMPEG_PATH to one that does.`,
      }
    : { name: 'ffmpeg', state: 'ok', text: `${path} ${version}` };
}

/** Whether there is a GPU, where the workers are to use one. */
export async function checkGpu(environment: Environment): Promise<Finding> {
  const name = 'gpu';
  const gpus = await gpuFacts().catch(() => []);
  const wanted = ['cuda', 'tensorrt', 'webgpu'].includes(environment['DEVICE']?.trim() ?? '');
  if (gpus.length > 0)
    return {
      name,
      state: 'ok',
      text: gpus
        .map((gpu) => `${gpu.name}${gpu.memoryMiB === null ? '' : `, ${String(gpu.memoryMiB)} MiB`}`)
        .join('; '),
    };
  return wanted && environment['ALLOW_CPU_FALLBACK'] !== 'true'
    ? {
        name,
        state: 'bad',
        text: 'none is found, and DEVICE asks for one: workers will not start. Check nvidia-smi and the driver, or unset DEVICE.',
      }
    : { name, state: 'ok', text: 'none is found: workers run on the CPU' };
}

/** Whether the ports of `murmur up` are free, or taken by a cluster that runs already. */
export async function checkPorts(environment: Environment): Promise<Finding> {
  const name = 'ports';
  const host = (variable: string): string => environment[variable]?.trim() || '127.0.0.1';
  try {
    const ports = await choosePorts(environment, { apis: 1, relays: 1, workers: 1 });
    const serving = await health(`http://${bracketed(reachableHost(host('API_HOST')))}:${String(ports.api)}`);
    if (serving !== null)
      return {
        name,
        state: serving === 'fail' ? 'bad' : 'ok',
        text:
          serving === 'fail'
            ? `Murmuration answers at port ${String(ports.api)}, and says that it cannot serve. GET /health there says why.`
            : `Murmuration serves at port ${String(ports.api)} already`,
      };
    const relayHost = host('RELAY_HOST');
    const hosts = {
      apiHost: host('API_HOST'),
      relayHost,
      wyomingHost: environment['WYOMING_HOST']?.trim() || relayHost,
      metricsHost: host('METRICS_HOST'),
    };
    await requireFreePorts(ports, hosts, 0);
    const used = [ports.api, ...Object.values(ports.public), ports.apis[0]?.metrics ?? 0];
    return { name, state: 'ok', text: `${used.map(String).join(', ')} and up are free` };
  } catch (error) {
    if (error instanceof SetupError) return { name, state: 'bad', text: error.message };
    throw error;
  }
}

/** `status` of a running cluster's `/health`; null where something else answers, or nothing. */
async function health(url: string): Promise<'pass' | 'warn' | 'fail' | null> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { status } = (await answer.json()) as { readonly status?: unknown };
    return status === 'pass' || status === 'warn' || status === 'fail' ? status : null;
  } catch {
    return null;
  }
}

/** Whether there is room for models, uploads and Redis' files. */
export async function checkDisk({ MODEL_CACHE }: CliConfig, environment: Environment): Promise<Finding> {
  const folders = [stateFolder(environment), MODEL_CACHE];
  const rooms = await Promise.all(
    folders.map(async (folder) => {
      const { bavail, bsize } = await statfs(existing(folder));
      return { folder, bytes: bavail * bsize };
    }),
  );
  const least = rooms.reduce((one, other) => (other.bytes < one.bytes ? other : one));
  const text = `${formatBytes(least.bytes)} are free for ${least.folder}`;
  if (least.bytes >= LITTLE_ROOM_BYTES) return { name: 'disk', state: 'ok', text };
  return {
    name: 'disk',
    state: least.bytes < NO_ROOM_BYTES ? 'bad' : 'note',
    text: `only ${text}. Make room, or set STATE_DIR, SPOOL_DIR and MODEL_CACHE to a larger disk.`,
  };
}

function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}

const name = 'models';
const DEFAULT_MODEL = 'moonshine-tiny';

interface Artifact {
  readonly folder: string;
  readonly models?: readonly string[];
  readonly files: readonly { readonly place: string; readonly bytes: number }[];
}

/** The model of `MODEL_PATH` and the speech detector: whether they lie in the cache. */
export async function checkModels(config: CliConfig, environment: Environment): Promise<Finding> {
  const asked = environment['MODEL_PATH']?.trim() ?? '';
  const model = asked === '' ? DEFAULT_MODEL : typedModel(asked, environment);
  const missing = (ARTIFACTS as readonly Artifact[])
    .filter(({ folder, models }) => folder === 'models' && (models === undefined || models.includes(model)))
    .flatMap(({ files }) => files)
    .filter(({ place, bytes }) => sizeOf(join(config.MODEL_CACHE, place)) !== bytes);
  if (missing.length > 0)
    return {
      name,
      state: 'note',
      text: `${missing.map(({ place }) => place).join(', ')}: not in ${config.MODEL_CACHE}. npm start fetches it; a machine without a way to npm needs a copy of that folder.`,
    };
  if (model === DEFAULT_MODEL) return { name, state: 'ok', text: `${model} lies in ${config.MODEL_CACHE}` };
  if (model.startsWith('/'))
    return statSync(model, { throwIfNoEntry: false })?.isDirectory() === true
      ? { name, state: 'ok', text: `the folder ${model} is there` }
      : { name, state: 'bad', text: `MODEL_PATH: there is no folder ${model}.` };
  const listed = (await listModels(config.MODEL_CACHE)).find(
    (one) => one.name === model || one.source === model.split('@')[0],
  );
  if (listed !== undefined && listed.cached.length > 0)
    return {
      name,
      state: 'ok',
      text: `${model} lies in ${config.MODEL_CACHE}; murmur models verify compares its checksums`,
    };
  return config.HF_HUB_OFFLINE
    ? {
        name,
        state: 'bad',
        text: `${model} is not in ${config.MODEL_CACHE}, and HF_HUB_OFFLINE forbids to fetch it. Run murmur models pull ${model} where that is allowed, and copy the folder.`,
      }
    : {
        name,
        state: 'note',
        text: `${model} is not in the cache. The worker fetches it; murmur models pull ${model} does it now.`,
      };
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}
