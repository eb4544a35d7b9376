import { AsrError } from '@murmuration/contracts/errors';
import { asciiOf, viewOf } from './byte-queue.js';
import { findFrames, readAc3FrameBytes, readAdtsFrameBytes, readMpegFrame } from './mpeg-frame.js';

/** How the bytes of a recording are packed, found from the bytes themselves. `matroska` is mkv, `mpeg` a program stream, `mp4` also m4a, mov and 3gp, `adts` bare AAC. */
export type Container =
  | 'wav'
  | 'aiff'
  | 'mp3'
  | 'flac'
  | 'ogg'
  | 'webm'
  | 'matroska'
  | 'mp4'
  | 'adts'
  | 'amr'
  | 'caf'
  | 'avi'
  | 'mpegts'
  | 'mpeg'
  | 'asf'
  | 'flv'
  | 'ac3'
  | 'au'
  | 'w64';

/** Containers that the built-in readers take, without ffmpeg and without WASM. */
export type BoundedContainer = Extract<Container, 'wav' | 'w64' | 'aiff'>;

/** Names of the formats that can be decoded, for `GET /capabilities`. @param available whether the system's ffmpeg is there */
export function decodableFormats(available: { readonly ffmpeg: boolean }): readonly string[] {
  return available.ffmpeg ? [...EVERYWHERE, ...WITH_FFMPEG] : EVERYWHERE;
}

const EVERYWHERE: readonly string[] = ['wav', 'w64', 'aiff', 'mp3', 'flac', 'ogg', 'opus', 'webm', 'mkv', 'amr'];
const WITH_FFMPEG: readonly string[] = [
  'm4a',
  'mp4',
  'mov',
  '3gp',
  'aac',
  'caf',
  'avi',
  'ts',
  'mpeg',
  'wma',
  'flv',
  'ac3',
  'au',
];

/** As many first bytes as make the answer certain; fewer are enough for most files. */
export const SNIFF_BYTES = 65_536;

const ATOMS = new Set(['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot', 'styp', 'moof']);

/**
 * Finds the container of a recording by its content; names and media types do not count.
 * @param bytes the first bytes of the file behind its tags, up to `SNIFF_BYTES`
 * Throws `unprocessable_audio` for anything that is not a known container of sound: text, playlists and manifests, images, archives, documents.
 */
export function sniffContainer(bytes: Uint8Array): Container {
  const found = byMagic(bytes) ?? byFrames(bytes);
  if (found !== null) return found;
  throw new AsrError(
    'unprocessable_audio',
    `The bytes are ${describe(bytes)}, not audio that can be decoded. Check the file by playing it.`,
  );
}

function byMagic(bytes: Uint8Array): Container | null {
  const four = asciiOf(bytes, 0, 4);
  const kind = asciiOf(bytes, 8, 12);
  switch (four) {
    case 'RIFF':
      return kind === 'WAVE' ? 'wav' : kind === 'AVI ' ? 'avi' : null;
    case 'RIFX':
    case 'RF64':
    case 'BW64':
      return kind === 'WAVE' ? 'wav' : null;
    case 'riff':
      return 'w64';
    case 'FORM':
      return kind === 'AIFF' || kind === 'AIFC' ? 'aiff' : null;
    case 'fLaC':
      return 'flac';
    case 'OggS':
      return 'ogg';
    case 'caff':
      return 'caf';
    case '.snd':
      return 'au';
    case 'FLV\x01':
      return 'flv';
    case '\x1aE\xdf\xa3':
      return asciiOf(bytes, 0, 64).includes('webm') ? 'webm' : 'matroska';
    case '\x30\x26\xb2\x75':
      return 'asf';
    case '\x00\x00\x01\xba':
      return 'mpeg';
    default:
      break;
  }
  if (/^#!AMR(-WB)?\n/.test(asciiOf(bytes, 0, 9))) return 'amr';
  if (bytes.length >= 8 && ATOMS.has(asciiOf(bytes, 4, 8)) && plausibleAtom(viewOf(bytes).getUint32(0))) return 'mp4';
  if (isTransportStream(bytes)) return 'mpegts';
  return bytes[0] === 0x0b && bytes[1] === 0x77 ? 'ac3' : null;
}

/** 0 is "to the end", 1 "size in 64 bits". */
function plausibleAtom(size: number): boolean {
  return size === 0 || size === 1 || size >= 8;
}

/** Packets of 188 bytes, or 192 with a time stamp before each. */
function isTransportStream(bytes: Uint8Array): boolean {
  return [
    [0, 188],
    [4, 192],
  ].some(([first = 0, step = 188]) => {
    const packets = [0, 1, 2, 3].map((packet) => bytes[first + packet * step]);
    return packets.every((sync) => sync === 0x47);
  });
}

function byFrames(bytes: Uint8Array): Container | null {
  const starts = FRAMED.map((container) => ({ container, at: framesStart(bytes, container) }));
  return starts.filter(({ at }) => at !== null).sort((a, b) => (a.at ?? 0) - (b.at ?? 0))[0]?.container ?? null;
}

/** Containers that are bare frames. */
const FRAMED = ['adts', 'mp3', 'ac3'] as const;

/** Where the first frame of a container of bare frames lies among a file's first bytes, or null. */
export function framesStart(bytes: Uint8Array, container: Container): number | null {
  switch (container) {
    case 'mp3':
      return findFrames(bytes, (at) => readMpegFrame(bytes, at)?.bytes ?? null);
    case 'adts':
      return findFrames(bytes, (at) => readAdtsFrameBytes(bytes, at));
    case 'ac3':
      return findFrames(bytes, (at) => readAc3FrameBytes(bytes, at), 0x0b);
    default:
      return null;
  }
}

function describe(bytes: Uint8Array): string {
  const start = asciiOf(bytes, 0, 512);
  const trimmed = start.replace(/^(\xef\xbb\xbf|\s)+/, '');
  if (/^#EXTM3U|^\[playlist\]|^ffconcat|^<MPD|^<\?xml[^]*<MPD|^<smil/i.test(trimmed)) return 'a playlist';
  if (/^(\x89PNG|\xff\xd8\xff|GIF8|BM|RIFF....WEBP|II\*\0|MM\0\*)/.test(start) || /^(<\?xml[^]*)?<svg/i.test(trimmed))
    return 'an image';
  if (
    /^(PK|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd)/.test(start) ||
    asciiOf(bytes, 257, 262) === 'ustar'
  )
    return 'an archive';
  if (/^%PDF/.test(start)) return 'a document';
  if (/^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(start)) return 'text';
  return 'of no known kind';
}
