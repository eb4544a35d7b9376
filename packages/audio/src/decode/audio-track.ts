import type { FileHandle } from 'node:fs/promises';
import { asciiOf, viewOf } from './byte-queue.js';
import { MatroskaPackets } from './matroska-packets.js';

/** Bytes of a Matroska file within which its list of tracks is looked for. */
const MAX_OPENING_BYTES = 4_194_304;
/** Longest index of an mp4 that is looked into, and most boxes of a level. */
const MAX_INDEX_BYTES = 67_108_864;
const MAX_BOXES = 10_000;
/** Bit of a track header: the track is presented. */
const ENABLED = 1;

/** The index of the track that a Matroska file marks as its default, and the file with every byte it had; the first where that cannot be told. */
export async function matroskaDefaultTrack(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly track: number; readonly whole: AsyncGenerator<Uint8Array> }> {
  const pieces = source[Symbol.asyncIterator]();
  const packets = new MatroskaPackets();
  const head: Uint8Array[] = [];
  let bytes = 0;
  let readable = true;
  while (readable && packets.trackIndex === null && bytes < MAX_OPENING_BYTES) {
    const next = await pieces.next();
    if (next.done === true) break;
    head.push(next.value);
    bytes += next.value.length;
    try {
      packets.push(next.value);
    } catch {
      // A format that only ffmpeg can read, or none: ffmpeg decides.
      readable = false;
    }
  }
  return { track: packets.trackIndex ?? 0, whole: withHead(head, pieces) };
}

/** The index of the first audio track that an mp4 marks as enabled; the first where that cannot be told. */
export async function mp4DefaultTrack(file: FileHandle): Promise<number> {
  const index = await mp4Index(file);
  const tracks =
    index === null
      ? []
      : boxes(index)
          .filter(({ type }) => type === 'trak')
          .map(({ body }) => boxes(body));
  const audio = tracks.filter((track) => handlerOf(track) === 'soun');
  const enabled = audio.findIndex(
    (track) => ((track.find(({ type }) => type === 'tkhd')?.body[3] ?? 0) & ENABLED) !== 0,
  );
  return Math.max(0, enabled);
}

interface Box {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Body of the box `moov`, wherever it lies, or null. */
async function mp4Index(file: FileHandle): Promise<Uint8Array | null> {
  const head = new Uint8Array(16);
  for (let at = 0, count = 0; count < MAX_BOXES; count++) {
    const { bytesRead } = await file.read(head, 0, 16, at);
    if (bytesRead < 8) return null;
    const { headBytes, boxBytes } = boxSize(head.subarray(0, bytesRead));
    if (boxBytes === null) return null;
    if (asciiOf(head, 4, 8) === 'moov') {
      if (boxBytes > MAX_INDEX_BYTES) return null;
      const body = new Uint8Array(boxBytes - headBytes);
      const read = await file.read(body, 0, body.length, at + headBytes);
      return body.subarray(0, read.bytesRead);
    }
    at += boxBytes;
  }
  return null;
}

/** Boxes within a body, up to the first that is damaged. */
function boxes(body: Uint8Array): Box[] {
  const found: Box[] = [];
  for (let at = 0; at + 8 <= body.length && found.length < MAX_BOXES;) {
    const { headBytes, boxBytes } = boxSize(body.subarray(at));
    if (boxBytes === null) break;
    found.push({ type: asciiOf(body, at + 4, at + 8), body: body.subarray(at + headBytes, at + boxBytes) });
    at += boxBytes;
  }
  return found;
}

/** Size with the head; null where the box goes to the end of the file or its size is impossible. */
function boxSize(box: Uint8Array): { readonly headBytes: number; readonly boxBytes: number | null } {
  const short = viewOf(box).getUint32(0);
  if (short !== 1) return { headBytes: 8, boxBytes: short < 8 ? null : short };
  const long = box.length < 16 ? 0 : Number(viewOf(box).getBigUint64(8));
  return { headBytes: 16, boxBytes: long < 16 || !Number.isSafeInteger(long) ? null : long };
}

function handlerOf(track: readonly Box[]): string {
  const media = boxes(track.find(({ type }) => type === 'mdia')?.body ?? new Uint8Array(0));
  return asciiOf(media.find(({ type }) => type === 'hdlr')?.body ?? new Uint8Array(0), 8, 12);
}

async function* withHead(head: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest.return?.(undefined);
  }
}
