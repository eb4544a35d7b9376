import type { Redis } from '../connections.js';

const SAMPLE_BYTES = 2;
/** Pieces read at once. */
const PAGE = 200;

/** 16-bit PCM between two positions of a session, with silence in place of what is gone. */
export interface LivePcm {
  readonly pcm: Buffer;
  readonly missingSamples: number;
}

/** Reads PCM of a session's store. An entry's id is the position after its last sample, so the entries that touch the stretch are those after its beginning up to the first that reaches its end. */
export async function readLivePcm(redis: Redis, key: string, fromSamples: number, toSamples: number): Promise<LivePcm> {
  const pcm = Buffer.alloc(Math.max(0, toSamples - fromSamples) * SAMPLE_BYTES);
  let missingSamples = toSamples - fromSamples;
  let at = fromSamples;
  while (at < toSamples) {
    const entries = await redis.xrangeBuffer(key, String(at + 1), '+', 'COUNT', PAGE);
    if (entries.length === 0) break;
    for (const [id, fields] of entries) {
      const endSamples = Number.parseInt(id.toString('latin1'), 10);
      const piece = fields[1] ?? Buffer.alloc(0);
      const startSamples = endSamples - piece.length / SAMPLE_BYTES;
      const from = Math.max(at, startSamples);
      const to = Math.min(toSamples, endSamples);
      if (from < to) {
        piece.copy(
          pcm,
          (from - fromSamples) * SAMPLE_BYTES,
          (from - startSamples) * SAMPLE_BYTES,
          (to - startSamples) * SAMPLE_BYTES,
        );
        missingSamples -= to - from;
      }
      at = endSamples;
      if (at >= toSamples) break;
    }
  }
  return { pcm, missingSamples };
}
