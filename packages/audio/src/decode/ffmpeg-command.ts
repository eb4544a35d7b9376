import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { SAMPLE_RATE_HZ } from '@murmuration/contracts/audio-format';
import type { RecordingLimits } from '../recording.js';
import type { Container } from './container.js';

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

/** The one demuxer that ffmpeg may use for a container. */
const DEMUXER: Readonly<Record<Container, string>> = {
  wav: 'wav',
  aiff: 'aiff',
  mp3: 'mp3',
  flac: 'flac',
  ogg: 'ogg',
  webm: 'matroska',
  matroska: 'matroska',
  mp4: 'mov',
  adts: 'aac',
  amr: 'amr',
  caf: 'caf',
  avi: 'avi',
  mpegts: 'mpegts',
  mpeg: 'mpeg',
  asf: 'asf',
  flv: 'flv',
  ac3: 'ac3',
  au: 'au',
  w64: 'w64',
};

/** Containers with time stamps, which may start late or have gaps: their sound is decoded with its times. They alone may hold several tracks. */
export const TIMED: ReadonlySet<Container> = new Set<Container>([
  'ogg',
  'webm',
  'matroska',
  'mp4',
  'avi',
  'mpegts',
  'mpeg',
  'asf',
  'flv',
]);

/** Decoders that may open: ffmpeg tries those of pictures and video too while it looks at a file, unless they are kept out. */
const DECODERS = [
  'aac',
  'aac_fixed',
  'aac_latm',
  'ac3',
  'ac3_fixed',
  'eac3',
  'alac',
  'amrnb',
  'amrwb',
  'libopencore_amrnb',
  'libopencore_amrwb',
  'ape',
  'cook',
  'dca',
  'flac',
  'g723_1',
  'g729',
  'gsm',
  'gsm_ms',
  'libgsm',
  'libgsm_ms',
  'mlp',
  'mp1',
  'mp1float',
  'mp2',
  'mp2float',
  'mp3',
  'mp3float',
  'nellymoser',
  'opus',
  'libopus',
  'qcelp',
  'qdm2',
  'speex',
  'libspeex',
  'truehd',
  'tta',
  'vorbis',
  'libvorbis',
  'wavpack',
  'wmav1',
  'wmav2',
  'wmapro',
  'wmalossless',
  'wmavoice',
  'adpcm_g722',
  'g722',
  'adpcm_g726',
  'g726',
  'adpcm_g726le',
  'g726le',
  'adpcm_ima_qt',
  'adpcm_ima_wav',
  'adpcm_ms',
  'adpcm_swf',
  'adpcm_yamaha',
  'pcm_alaw',
  'pcm_mulaw',
  'pcm_u8',
  'pcm_s8',
  'pcm_s16le',
  'pcm_s16be',
  'pcm_s24le',
  'pcm_s24be',
  'pcm_s32le',
  'pcm_s32be',
  'pcm_s64le',
  'pcm_f32le',
  'pcm_f32be',
  'pcm_f64le',
  'pcm_f64be',
  'pcm_bluray',
  'pcm_dvd',
];

/** Address space of the child. ffmpeg 5.1 with all of Debian's libraries starts within 0.5 GB. */
const MAX_MEMORY_KIB = 4 * 1_048_576;

/** File descriptor under which the child finds a spooled file. */
const SPOOL_DESCRIPTOR = 3;

/** A command and its arguments. */
export interface Command {
  readonly path: string;
  readonly argv: readonly string[];
}

/**
 * The command line of a locked-down ffmpeg: one demuxer, audio decoders only, no addresses and no other files, no picture, subtitle or data, one thread,
 * one audio track at 16 kHz as 32-bit float PCM on standard output: as wav, or of `TIMED` containers as Matroska with the file's own time stamps.
 * The latter get no time limit, because it would count gaps; the reader of the output ends what is too long. Only the kind of container comes from the client.
 * @param track counted among the audio tracks; ffmpeg itself would take the one of most channels
 * @param spooled the input is the file at `SPOOL_DESCRIPTOR` instead of standard input
 */
export function ffmpegCommand(
  ffmpeg: FfmpegProgram,
  container: Container,
  spooled: boolean,
  limits: RecordingLimits,
  track = 0,
): Command {
  const demuxer = DEMUXER[container];
  // One second more than is allowed: the reader behind then sees that the recording is too long.
  const longestSeconds = Math.ceil(limits.maxDurationMs / 1_000) + 1;
  const argv = [
    '-nostdin',
    '-hide_banner',
    '-nostats',
    '-loglevel',
    'level+info',
    '-threads',
    '1',
    '-protocol_whitelist',
    spooled ? 'file' : 'pipe',
    '-format_whitelist',
    demuxer,
    '-codec_whitelist',
    DECODERS.join(','),
    '-f',
    demuxer,
    // A program stream announces no tracks: one that begins late must come within what is probed.
    ...(demuxer === 'mpeg' ? ['-analyzeduration', '120000000', '-probesize', '20000000'] : []),
    ...(demuxer === 'mov' ? ['-enable_drefs', '0', '-use_absolute_path', '0'] : []),
    // ffmpeg decodes a damaged FLAC frame to noise and says nothing, unless it is asked to look at the check sums.
    ...(demuxer === 'flac' ? ['-err_detect', 'crccheck'] : []),
    ...(TIMED.has(container) ? ['-copyts'] : ['-t', String(longestSeconds)]),
    '-vn',
    '-sn',
    '-dn',
    '-i',
    spooled ? `/dev/fd/${String(SPOOL_DESCRIPTOR)}` : 'pipe:0',
    '-map',
    `0:a:${String(track)}`,
    '-map_metadata',
    '-1',
    '-filter_threads',
    '1',
    '-threads',
    '1',
    '-ar',
    String(SAMPLE_RATE_HZ),
    '-c:a',
    'pcm_f32le',
    '-fflags',
    '+bitexact',
    '-f',
    TIMED.has(container) ? 'matroska' : 'wav',
    'pipe:1',
  ];
  const limited =
    ffmpeg.shell === null
      ? [ffmpeg.path, ...argv]
      : [ffmpeg.shell, '-c', limitsScript(cpuSeconds(limits)), 'sh', ffmpeg.path, ...argv];
  const [path = ffmpeg.path, ...rest] = [...ffmpeg.withoutNetwork, ...limited];
  return { path, argv: rest };
}

/** Decoding runs at hundreds of times real time; 10 times is a stuck decoder or a very slow host. */
function cpuSeconds(limits: RecordingLimits): number {
  return 60 + Math.ceil(limits.maxDurationMs / 10_000);
}

/** A limit that the host refuses is left out rather than failing the recording. */
function limitsScript(cpu: number): string {
  const set = [`-t ${String(cpu)}`, `-v ${String(MAX_MEMORY_KIB)}`, '-f 0', '-c 0', '-n 64'].map(
    (limit) => `ulimit ${limit} 2>/dev/null || :`,
  );
  return `${set.join('; ')}; exec "$@"`;
}
