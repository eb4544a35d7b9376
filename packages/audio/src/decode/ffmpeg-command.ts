import type { RecordingLimits } from '../recording.js';
import type { Container } from './container.js';
import type { FfmpegProgram } from './ffmpeg-program.js';
import { OUTPUT_RATE_HZ } from './resampler.js';

/** The one demuxer that ffmpeg may use for a container. */
const DEMUXER: Readonly<Record<Container, string>> = {
  wav: 'wav', aiff: 'aiff', mp3: 'mp3', flac: 'flac', ogg: 'ogg', webm: 'matroska', matroska: 'matroska', mp4: 'mov', adts: 'aac', amr: 'amr',
  caf: 'caf', avi: 'avi', mpegts: 'mpegts', mpeg: 'mpeg', asf: 'asf', flv: 'flv', ac3: 'ac3', au: 'au', w64: 'w64',
};

/** Containers with time stamps, which may start late or have holes: their sound is asked for with its times. They alone may hold several tracks. */
export const TIMED: ReadonlySet<Container> = new Set<Container>(['ogg', 'webm', 'matroska', 'mp4', 'avi', 'mpegts', 'mpeg', 'asf', 'flv']);

/** Decoders that may open: ffmpeg tries those of pictures and video too while it looks at a file, unless they are kept out. */
const DECODERS = [
  'aac', 'aac_fixed', 'aac_latm', 'ac3', 'ac3_fixed', 'eac3', 'alac', 'amrnb', 'amrwb', 'libopencore_amrnb', 'libopencore_amrwb', 'ape', 'cook', 'dca', 'flac',
  'g723_1', 'g729', 'gsm', 'gsm_ms', 'libgsm', 'libgsm_ms', 'mlp', 'mp1', 'mp1float', 'mp2', 'mp2float', 'mp3', 'mp3float', 'nellymoser', 'opus', 'libopus', 'qcelp', 'qdm2',
  'speex', 'libspeex', 'truehd', 'tta', 'vorbis', 'libvorbis', 'wavpack', 'wmav1', 'wmav2', 'wmapro', 'wmalossless', 'wmavoice',
  'adpcm_g722', 'g722', 'adpcm_g726', 'g726', 'adpcm_g726le', 'g726le', 'adpcm_ima_qt', 'adpcm_ima_wav', 'adpcm_ms', 'adpcm_swf', 'adpcm_yamaha',
  'pcm_alaw', 'pcm_mulaw', 'pcm_u8', 'pcm_s8', 'pcm_s16le', 'pcm_s16be', 'pcm_s24le', 'pcm_s24be', 'pcm_s32le', 'pcm_s32be', 'pcm_s64le', 'pcm_f32le', 'pcm_f32be', 'pcm_f64le', 'pcm_f64be',
  'pcm_bluray', 'pcm_dvd',
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
 * These have no limit of time, which would count holes: the reader behind ends what is too long. Nothing in it comes from the client but the container's kind.
 * @param track counted among the audio tracks; ffmpeg itself would take the one of most channels
 * @param spooled the input is the file at `SPOOL_DESCRIPTOR` instead of standard input
 */
export function ffmpegCommand(ffmpeg: FfmpegProgram, container: Container, spooled: boolean, limits: RecordingLimits, track = 0): Command {
  const demuxer = DEMUXER[container];
  // One second more than is allowed: the reader behind then sees that the recording is too long.
  const longestSeconds = Math.ceil(limits.maxDurationMs / 1_000) + 1;
  const argv = [
    '-nostdin', '-hide_banner', '-nostats', '-loglevel', 'level+info', '-threads', '1',
    '-protocol_whitelist', spooled ? 'file' : 'pipe', '-format_whitelist', demuxer, '-codec_whitelist', DECODERS.join(','), '-f', demuxer,
    // A program stream announces no tracks: one that begins late must come within what is probed.
    ...(demuxer === 'mpeg' ? ['-analyzeduration', '120000000', '-probesize', '20000000'] : []),
    ...(demuxer === 'mov' ? ['-enable_drefs', '0', '-use_absolute_path', '0'] : []),
    ...(TIMED.has(container) ? ['-copyts'] : ['-t', String(longestSeconds)]), '-vn', '-sn', '-dn',
    '-i', spooled ? `/dev/fd/${String(SPOOL_DESCRIPTOR)}` : 'pipe:0',
    '-map', `0:a:${String(track)}`, '-map_metadata', '-1', '-filter_threads', '1', '-threads', '1', '-ar', String(OUTPUT_RATE_HZ), '-c:a', 'pcm_f32le', '-fflags', '+bitexact', '-f', TIMED.has(container) ? 'matroska' : 'wav', 'pipe:1',
  ];
  const limited = ffmpeg.shell === null ? [ffmpeg.path, ...argv] : [ffmpeg.shell, '-c', limitsScript(cpuSeconds(limits)), 'sh', ffmpeg.path, ...argv];
  const [path = ffmpeg.path, ...rest] = [...ffmpeg.withoutNetwork, ...limited];
  return { path, argv: rest };
}

/** Decoding runs at hundreds of times real time; 10 times is a stuck decoder or a very slow host. */
function cpuSeconds(limits: RecordingLimits): number {
  return 60 + Math.ceil(limits.maxDurationMs / 10_000);
}

/** A limit that the host refuses is left out rather than failing the recording. */
function limitsScript(cpu: number): string {
  const set = [`-t ${String(cpu)}`, `-v ${String(MAX_MEMORY_KIB)}`, '-f 0', '-c 0', '-n 64'].map((limit) => `ulimit ${limit} 2>/dev/null || :`);
  return `${set.join('; ')}; exec "$@"`;
}
