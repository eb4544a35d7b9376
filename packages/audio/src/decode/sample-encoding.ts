import { viewOf } from './byte-queue.js';

/** How one sample is stored. `bytes` is its width in the file. */
export interface SampleEncoding {
  /** As ffmpeg names it, for example `pcm_s16le`. */
  readonly codec: string;
  readonly bytes: number;
  /** The sample at a byte offset, in [-1, 1]. */
  readonly read: (view: DataView, offset: number) => number;
}

/** Integer PCM, left-justified in its bytes. @param bytes 1 to 4, or 8 @param unsigned only wav's 8 bit is */
export function integerEncoding(bytes: number, littleEndian: boolean, unsigned = false): SampleEncoding | null {
  const end = littleEndian ? 'le' : 'be';
  switch (bytes) {
    case 1:
      return unsigned
        ? { codec: 'pcm_u8', bytes, read: (view, at) => (view.getUint8(at) - 128) / 128 }
        : { codec: 'pcm_s8', bytes, read: (view, at) => view.getInt8(at) / 128 };
    case 2:
      return { codec: `pcm_s16${end}`, bytes, read: (view, at) => view.getInt16(at, littleEndian) / 32_768 };
    case 3:
      return littleEndian
        ? {
            codec: 'pcm_s24le',
            bytes,
            read: (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608,
          }
        : {
            codec: 'pcm_s24be',
            bytes,
            read: (view, at) => ((view.getInt8(at) << 16) | view.getUint16(at + 1)) / 8_388_608,
          };
    case 4:
      return { codec: `pcm_s32${end}`, bytes, read: (view, at) => view.getInt32(at, littleEndian) / 2_147_483_648 };
    case 8:
      // The upper half is more than a 32-bit float holds.
      return {
        codec: `pcm_s64${end}`,
        bytes,
        read: (view, at) => view.getInt32(at + (littleEndian ? 4 : 0), littleEndian) / 2_147_483_648,
      };
    default:
      return null;
  }
}

/** IEEE float PCM of 4 or 8 bytes. Values that are not numbers become silence, values beyond full scale are clipped. */
export function floatEncoding(bytes: number, littleEndian: boolean): SampleEncoding | null {
  const end = littleEndian ? 'le' : 'be';
  if (bytes === 4)
    return { codec: `pcm_f32${end}`, bytes, read: (view, at) => clip(view.getFloat32(at, littleEndian)) };
  if (bytes === 8)
    return { codec: `pcm_f64${end}`, bytes, read: (view, at) => clip(view.getFloat64(at, littleEndian)) };
  return null;
}

/** ITU-T G.711 A-law. */
export const A_LAW: SampleEncoding = {
  codec: 'pcm_alaw',
  bytes: 1,
  read: (view, at) => ALAW_TABLE[view.getUint8(at)] ?? 0,
};
/** ITU-T G.711 µ-law. */
export const MU_LAW: SampleEncoding = {
  codec: 'pcm_mulaw',
  bytes: 1,
  read: (view, at) => MULAW_TABLE[view.getUint8(at)] ?? 0,
};

const ALAW_TABLE = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const mantissa = ((code & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return ((code & 0x80) === 0 ? -magnitude : magnitude) / 32_768;
});

const MULAW_TABLE = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
  return ((code & 0x80) === 0 ? magnitude : -magnitude) / 32_768;
});

function clip(value: number): number {
  if (value >= -1 && value <= 1) return value;
  if (value > 1) return 1;
  return value < -1 ? -1 : 0;
}

/** Interleaved frames to one array a channel. @param bytes a whole number of frames */
export function deinterleave(bytes: Uint8Array, encoding: SampleEncoding, channels: number): Float32Array[] {
  const frames = bytes.length / (encoding.bytes * channels);
  const view = viewOf(bytes);
  const { read, bytes: width } = encoding;
  const stride = width * channels;
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let frame = 0, at = channel * width; frame < frames; frame++, at += stride) samples[frame] = read(view, at);
    return samples;
  });
}

/** Samples as base64 of 32-bit floats, little endian. */
export function encodeFloats(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

/** The samples of `encodeFloats`. */
export function decodeFloats(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
}
