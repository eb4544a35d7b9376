import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gpuFacts } from '@murmuration/runtime';
import { runCommand } from '../../../scripts/setup/command.mjs';
import { findExecutable } from '../../../scripts/setup/executables.mjs';
import { stateFolder } from '../../../scripts/setup/paths.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import type { CliConfig, Environment } from '../config.js';
import { formatBytes } from '../output/plain-text.js';
import { bracketed, reachableHost } from '../up/addresses.js';
import { choosePorts, requireFreePorts } from '../up/ports.js';
import type { Finding } from './finding.js';

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
