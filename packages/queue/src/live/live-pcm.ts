import type { Redis } from 'ioredis';

const SAMPLE_BYTES = 2;
/** Pieces read at once. */
const PAGE = 200;

/**
 * Reads 16-bit PCM between two positions of a session's store. An entry's id is the position after its last sample, so the entries that
 * touch the stretch are those after its beginning up to the first that reaches its end. What is gone is missing at the beginning.
 */
export async function readLivePcm(redis: Redis, key: string, fromSamples: number, toSamples: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let at = fromSamples;
  while (at < toSamples) {
    const entries = await redis.xrangeBuffer(key, String(at + 1), '+', 'COUNT', PAGE);
    if (entries.length === 0) break;
    for (const [id, fields] of entries) {
      const endSamples = Number.parseInt(id.toString('latin1'), 10);
      const piece = fields[1] ?? Buffer.alloc(0);
      const startSamples = endSamples - piece.length / SAMPLE_BYTES;
      if (startSamples >= toSamples) return Buffer.concat(parts);
      const from = Math.max(at, startSamples) - startSamples;
      const to = Math.min(toSamples, endSamples) - startSamples;
      parts.push(piece.subarray(from * SAMPLE_BYTES, to * SAMPLE_BYTES));
      at = endSamples;
      if (at >= toSamples) break;
    }
  }
  return Buffer.concat(parts);
}
