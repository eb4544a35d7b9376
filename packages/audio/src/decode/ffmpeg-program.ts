import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** The system's ffmpeg, tried once at start, and what the host offers to lock it down. */
export interface FfmpegProgram {
  /** Absolute path. */
  readonly path: string;
  /** As `ffmpeg -version` says, for example `5.1.9`. */
  readonly version: string;
  /** Command and arguments that start a program without a network, or empty where the host allows none. */
  readonly withoutNetwork: readonly string[];
  /** Absolute path of a POSIX shell, which sets the resource limits before it becomes ffmpeg, or null where there is none. */
  readonly shell: string | null;
}

/** Where to look for ffmpeg. */
export interface FindFfmpegOptions {
  /** Value of `FFMPEG_PATH`, or null to search. */
  readonly ffmpegPath: string | null;
  /** Value of `PATH`. */
  readonly searchPath: string;
}

/** Finds ffmpeg and runs it once. Null when it is not installed. Throws a plain `Error` that names `FFMPEG_PATH` when that is set and does not run. */
export async function findFfmpeg(options: FindFfmpegOptions): Promise<FfmpegProgram | null> {
  const path = options.ffmpegPath ?? (await findOnPath('ffmpeg', options.searchPath));
  if (path === null) return null;
  const version = isAbsolute(path) ? await versionOf(path) : null;
  if (version === null) {
    if (options.ffmpegPath === null) return null;
    throw new Error('FFMPEG_PATH must be the absolute path of a program that answers -version as ffmpeg does');
  }
  const shell = await findOnPath('sh', options.searchPath);
  return { path, version, withoutNetwork: await networkless(options.searchPath), shell };
}

async function versionOf(path: string): Promise<string | null> {
  const result = await run(path, ['-version']);
  return result === null ? null : (/^ffmpeg version (\S+)/.exec(result)?.[1] ?? null);
}

/** An own network namespace without interfaces: as root directly, else within an own user namespace. Many hosts forbid both. */
async function networkless(searchPath: string): Promise<string[]> {
  const [unshare, probe] = await Promise.all([findOnPath('unshare', searchPath), findOnPath('true', searchPath)]);
  if (unshare === null || probe === null) return [];
  for (const flags of [['--net'], ['--user', '--map-current-user', '--net']]) {
    if ((await run(unshare, [...flags, '--', probe])) !== null) return [unshare, ...flags, '--'];
  }
  return [];
}

async function findOnPath(name: string, searchPath: string): Promise<string | null> {
  for (const folder of searchPath.split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

/** Standard output of a program that ended with 0, else null. */
function run(path: string, argv: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(path, argv, { env: {}, timeout: 10_000, maxBuffer: 1_048_576 }, (error, stdout) => {
      resolve(error === null ? stdout : null);
    });
  });
}
