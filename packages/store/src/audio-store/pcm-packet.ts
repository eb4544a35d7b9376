import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw } from 'node:zlib';

// A packet: one byte of kind, three of nothing, the PCM's length in bytes (32 bits, little endian), then the body.
const HEADER_BYTES = 8;
const PLAIN = 0;
const COMPRESSED = 1;
/** Over half an hour in one chunk; no model takes that. */
const MAX_PCM_BYTES = 64 * 1024 ** 2;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);
const DEFLATE = { level: 1, strategy: constants.Z_RLE };

/**
 * PCM as a store keeps it. Owns its memory.
 *
 * Compressed: what a straight line through the two samples before does not foretell, high bytes apart from low ones, then
 * deflate's run lengths and Huffman codes. Measured on 13 clips of speech at 16 kHz, one quiet core: a chunk of 10 s shrinks 1.6 times
 * in 4.1 ms, of which 0.6 ms hold up the caller's thread (the rest runs in the pool of threads), and is back in 2.6 ms (0.5 ms);
 * 2 s take 1.0 and 0.7 ms, 30 s 12 and 7 ms. So only work that can wait is compressed. Others on the same clips, encoding and decoding:
 * deflate alone 1.24 times at 25 and 125 MB/s, brotli 1.22 at 130 and 110, Rice codes after predictors of order 0 to 3 1.76 at 85 and 210,
 * all of it on the caller's thread.
 */
export async function packPcm(pcm: Uint8Array, compress: boolean): Promise<Buffer> {
  const squeezed =
    compress && pcm.byteLength % 2 === 0 && pcm.byteLength > 0 ? await deflate(residualPlanes(pcm), DEFLATE) : null;
  const isSmaller = squeezed !== null && squeezed.length < pcm.byteLength;
  const body = isSmaller ? squeezed : pcm;
  const packet = Buffer.allocUnsafeSlow(HEADER_BYTES + body.byteLength);
  packet.writeUInt32LE(isSmaller ? COMPRESSED : PLAIN, 0);
  packet.writeUInt32LE(pcm.byteLength, 4);
  packet.set(body, HEADER_BYTES);
  return packet;
}

/** The PCM of a packet. Throws an `Error` when the packet is damaged. */
export async function unpackPcm(packet: Buffer): Promise<Buffer> {
  if (packet.length < HEADER_BYTES) throw damaged();
  const kind = packet.readUInt32LE(0);
  const pcmBytes = packet.readUInt32LE(4);
  const body = packet.subarray(HEADER_BYTES);
  if (pcmBytes > MAX_PCM_BYTES) throw damaged();
  if (kind === PLAIN && body.length === pcmBytes) return body;
  if (kind !== COMPRESSED || pcmBytes % 2 !== 0) throw damaged();
  const planes = await inflate(body, { maxOutputLength: pcmBytes, chunkSize: Math.max(pcmBytes, 64) }).catch(
    (error: unknown) => {
      throw damaged(error);
    },
  );
  if (planes.length !== pcmBytes) throw damaged();
  return samplesOfPlanes(planes);
}

function damaged(cause?: unknown): Error {
  return new Error('stored audio is damaged', { cause });
}

/** Residuals of second order, folded so that small ones have high bytes of zero; all high bytes, then all low bytes. */
function residualPlanes(pcm: Uint8Array): Buffer {
  const samples = pcm.byteLength / 2;
  const planes = Buffer.allocUnsafe(pcm.byteLength);
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let before = 0;
  let beforeThat = 0;
  for (let i = 0; i < samples; i++) {
    const sample = view.getInt16(2 * i, true);
    const residual = ((sample - 2 * before + beforeThat) << 16) >> 16;
    const folded = (residual << 1) ^ (residual >> 15);
    planes[i] = folded >> 8;
    planes[samples + i] = folded;
    beforeThat = before;
    before = sample;
  }
  return planes;
}

function samplesOfPlanes(planes: Buffer): Buffer {
  const samples = planes.length / 2;
  const pcm = Buffer.allocUnsafeSlow(planes.length);
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let before = 0;
  let beforeThat = 0;
  for (let i = 0; i < samples; i++) {
    const folded = ((planes[i] ?? 0) << 8) | (planes[samples + i] ?? 0);
    const residual = (folded >>> 1) ^ -(folded & 1);
    const sample = ((residual + 2 * before - beforeThat) << 16) >> 16;
    view.setInt16(2 * i, sample, true);
    beforeThat = before;
    before = sample;
  }
  return pcm;
}
