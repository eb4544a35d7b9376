import { ByteQueue } from './byte-queue.js';

/** What the four bytes of an MPEG audio frame's header say. */
export interface MpegFrame {
  readonly layer: 1 | 2 | 3;
  readonly sampleRateHz: number;
  readonly channels: 1 | 2;
  /** Samples of one channel in the frame. */
  readonly samples: number;
  readonly bytes: number;
  /** Bytes between the header and a Xing or Info tag, if there is one. */
  readonly sideBytes: number;
}

const RATES_HZ = [44_100, 48_000, 32_000];
/** kbit/s by bit-rate index, of MPEG-1 layers I to III, then of MPEG-2 layer I and layers II and III. */
const KBITS: readonly (readonly number[])[] = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/** Reads a frame header at an offset, or null when there is none. Free-format frames are not recognised. Source: ISO 11172-3 and 13818-3. */
export function readMpegFrame(bytes: Uint8Array, at: number): MpegFrame | null {
  const [sync = 0, second = 0, third = 0, fourth = 0] = bytes.subarray(at, at + 4);
  if (at + 4 > bytes.length || sync !== 0xff || (second & 0xe0) !== 0xe0) return null;
  const version = (second >> 3) & 3;
  const layerBits = (second >> 1) & 3;
  const rate = RATES_HZ[(third >> 2) & 3];
  if (version === 1 || layerBits === 0 || rate === undefined) return null;
  const layer = (4 - layerBits) as 1 | 2 | 3;
  const first = version === 3;
  const kbits = KBITS[first ? layer - 1 : layer === 1 ? 3 : 4]?.[third >> 4];
  if (kbits === undefined || kbits === 0) return null;
  const sampleRateHz = rate / (first ? 1 : version === 2 ? 2 : 4);
  const padding = (third >> 1) & 1;
  const samples = layer === 1 ? 384 : layer === 3 && !first ? 576 : 1152;
  const bytesOfFrame =
    layer === 1
      ? (Math.floor((12_000 * kbits) / sampleRateHz) + padding) * 4
      : Math.floor((samples * 125 * kbits) / sampleRateHz) + padding;
  const channels = fourth >> 6 === 3 ? 1 : 2;
  const sideBytes = first ? (channels === 1 ? 17 : 32) : channels === 1 ? 9 : 17;
  return { layer, sampleRateHz, channels, samples, bytes: bytesOfFrame, sideBytes };
}

/** Bytes of an ADTS frame at an offset, or null when there is none. Source: ISO 13818-7. */
export function readAdtsFrameBytes(bytes: Uint8Array, at: number): number | null {
  const [sync = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0] = bytes.subarray(at, at + 6);
  if (at + 6 > bytes.length || sync !== 0xff || (second & 0xf6) !== 0xf0 || ((third >> 2) & 15) > 12) return null;
  const length = ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5);
  return length < 7 ? null : length;
}

/** kbit/s by half of AC-3's frame size code. */
const AC3_KBITS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

/** Bytes of an AC-3 or E-AC-3 frame at an offset, or null when there is none. Source: ETSI TS 102 366, 4.3 and E.1.2. */
export function readAc3FrameBytes(bytes: Uint8Array, at: number): number | null {
  const [sync = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0] = bytes.subarray(at, at + 6);
  if (at + 6 > bytes.length || sync !== 0x0b || second !== 0x77) return null;
  const version = sixth >> 3;
  if (version > 16) return null;
  if (version > 10) return 2 * ((((third & 7) << 8) | fourth) + 1);
  const code = fifth & 63;
  const kbits = AC3_KBITS[code >> 1];
  if (kbits === undefined) return null;
  switch (fifth >> 6) {
    case 0:
      return 4 * kbits;
    case 1:
      return 2 * (Math.floor((kbits * 1_000 * 1_536) / 44_100 / 16) + (code & 1));
    case 2:
      return 6 * kbits;
    default:
      return null;
  }
}

/** Bytes of an ID3v2 tag at the start, or 0 when there is none. */
export function id3Bytes(bytes: Uint8Array): number {
  if (bytes.length < 10 || bytes[0] !== 0x49 || bytes[1] !== 0x44 || bytes[2] !== 0x33) return 0;
  const [, , , , , flags = 0, a = 0, b = 0, c = 0, d = 0] = bytes;
  if (((a | b | c | d) & 0x80) !== 0) return 0;
  return 10 + ((a << 21) | (b << 14) | (c << 7) | d) + ((flags & 0x10) === 0 ? 0 : 10);
}

/** Length that the Xing or Info tag of a first frame declares, or null without one. Samples of one channel. */
function declaredMp3Samples(bytes: Uint8Array, at: number): number | null {
  const frame = readMpegFrame(bytes, at);
  if (frame?.layer !== 3) return null;
  const tag = at + 4 + frame.sideBytes;
  const name = String.fromCharCode(...bytes.subarray(tag, tag + 4));
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(tag + 8, tag + 12);
  const hasCount = ((bytes[tag + 7] ?? 0) & 1) === 1;
  if ((name !== 'Xing' && name !== 'Info') || !hasCount || tag + 12 > bytes.length) return null;
  return (a * 2 ** 24 + b * 2 ** 16 + c * 256 + d) * frame.samples;
}

/** How far bare frames may be from the start: some recorders write padding or a cut frame first. */
const MAX_LEAD_BYTES = 8_192;

/** Where bare frames start, or null: a header alone is found in random bytes too, so frames must follow each other. @param lengthAt bytes of the frame at an offset @param first every frame's first byte */
export function findFrames(bytes: Uint8Array, lengthAt: (at: number) => number | null, first = 0xff): number | null {
  const last = Math.min(MAX_LEAD_BYTES, bytes.length - 4);
  for (let at = 0; at < last; at++) {
    if (bytes[at] === first && framesFollow(bytes, at, lengthAt)) return at;
  }
  return null;
}

/** Whether at least two frames lie one after the other, and every further one of the first four that was read. */
function framesFollow(bytes: Uint8Array, from: number, lengthAt: (at: number) => number | null): boolean {
  let at = from;
  for (let frame = 0; frame < 4; frame++) {
    const length = lengthAt(at);
    if (length === null) return frame >= 2 && at + 6 > bytes.length;
    at += length;
  }
  return true;
}

/** As many bytes as surely hold the first frames of an mp3 after a small tag. */
const LOOK_BYTES = 16_384;

/** What the first frames of an mp3 say about it. Holds some kilobytes until they are there. */
export class Mp3Opening {
  /** Null until known, and for good where no frames were found. */
  channels: 1 | 2 | null = null;
  /** Length that the first frame declares (Xing or Info), or null. Milliseconds. */
  declaredMs: number | null = null;
  readonly #queue = new ByteQueue();
  #done = false;

  /** Takes the next bytes; gives all once the first frames are among them, none before. */
  push(bytes: Uint8Array): Uint8Array {
    this.#queue.push(bytes);
    if (!this.#done && this.#queue.length < LOOK_BYTES) return new Uint8Array(0);
    return this.finish();
  }

  /** Everything that was held. */
  finish(): Uint8Array {
    const bytes = this.#queue.takeUpTo(Infinity);
    if (!this.#done) this.#look(bytes);
    this.#done = true;
    return bytes;
  }

  #look(bytes: Uint8Array): void {
    const at = findFrames(bytes, (from) => readMpegFrame(bytes, from)?.bytes ?? null);
    const frame = at === null ? null : readMpegFrame(bytes, at);
    if (at === null || frame === null) return;
    const samples = declaredMp3Samples(bytes, at);
    this.channels = frame.channels;
    this.declaredMs = samples === null ? null : (samples * 1_000) / frame.sampleRateHz;
  }
}
