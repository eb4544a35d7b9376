import { asciiOf, viewOf, type ByteQueue } from './byte-queue.js';
import type { Piece, PieceReader } from './piece-watch.js';

/** Lengths from here on are what a writer leaves that could not go back: all ones, 0x7ffff000, 0x80000000. */
const MIN_PLACEHOLDER_BYTES = 0x7000_0000;

/** A length of 32 bits, or Infinity where it is none. */
export function lengthOf(size: number): number {
  return size === 0 || size >= MIN_PLACEHOLDER_BYTES ? Infinity : size;
}

/** NeXT and Sun's au: one piece. */
export function auPieces(): PieceReader {
  return first((queue) => {
    const head = queue.peek(12);
    if (head === null) return null;
    const view = viewOf(head);
    return { bytes: view.getUint32(4) + lengthOf(view.getUint32(8)) };
  });
}

/** wav whose codec only ffmpeg reads, such as ADPCM and GSM. sox counts a byte of padding behind an odd number of GSM blocks as sound. */
export function wavPieces(): PieceReader {
  let littleEndian = true;
  let blockBytes = 0;
  return (queue) => {
    const head = queue.peek(8);
    if (head === null) return null;
    const id = asciiOf(head, 0, 4);
    if (['RIFF', 'RIFX', 'RF64', 'BW64'].includes(id)) {
      littleEndian = id !== 'RIFX';
      return { bytes: 12 };
    }
    const size = viewOf(head).getUint32(4, littleEndian);
    if (id === 'fmt ') {
      const format = queue.peek(8 + 14);
      if (format === null) return null;
      blockBytes = viewOf(format).getUint16(8 + 12, littleEndian);
    }
    if (id === 'data')
      return { bytes: 8 + lengthOf(size), isMistaken: blockBytes > 1 && lengthOf(size) % blockBytes > 0 };
    return /^[\x20-\x7e]{4}$/.test(id) ? { bytes: 8 + size + (size % 2), mayBeCut: true } : 'other';
  };
}

/** w64 whose codec only ffmpeg reads: chunks at multiples of eight bytes, whose names begin as those of wav. */
export function w64Pieces(): PieceReader {
  let begun = false;
  return (queue) => {
    const head = queue.peek(begun ? 24 : 40);
    if (head === null) return null;
    if (!begun) {
      begun = true;
      return { bytes: 40 };
    }
    const size = Number(viewOf(head).getBigUint64(16, true));
    if (size < 24 || !Number.isSafeInteger(size)) return asciiOf(head, 0, 4) === 'data' ? { bytes: Infinity } : 'other';
    return { bytes: size, headBytes: Math.ceil(size / 8) * 8 };
  };
}

/** Apple's caf. */
export function cafPieces(): PieceReader {
  let begun = false;
  return (queue) => {
    const head = queue.peek(begun ? 12 : 8);
    if (head === null) return null;
    if (!begun) {
      begun = true;
      return { bytes: 8 };
    }
    const size = Number(viewOf(head).getBigInt64(4));
    if (!/^[\x20-\x7e]{4}$/.test(asciiOf(head, 0, 4))) return 'other';
    return { bytes: size < 0 ? Infinity : 12 + size, mayBeCut: asciiOf(head, 0, 4) === 'free' };
  };
}

/** Boxes of mp4's outermost level, and those at which a file may well end. */
const BOXES = [
  'ftyp',
  'styp',
  'moov',
  'moof',
  'mdat',
  'sidx',
  'ssix',
  'meta',
  'uuid',
  'pdin',
  'prft',
  'emsg',
  'pnot',
  'udta',
  'PICT',
];
const SPARE_BOXES = ['free', 'skip', 'wide', 'mfra'];

/** mp4, mov and their kin. */
export function mp4Pieces(): PieceReader {
  return (queue) => {
    const head = queue.peek(16) ?? queue.peek(8);
    if (head === null) return null;
    const id = asciiOf(head, 4, 8);
    const short = viewOf(head).getUint32(0);
    if (short === 1 && head.length < 16) return null;
    const size = short === 1 ? Number(viewOf(head).getBigUint64(8)) : short === 0 ? Infinity : short;
    if (size < 8 || !(BOXES.includes(id) || SPARE_BOXES.includes(id))) return 'other';
    return { bytes: size, mayBeCut: SPARE_BOXES.includes(id) };
  };
}

const ASF_DATA = '3626b2758e66cf11a6d900aa0062ce6c';
const ASF_FILE = 'a1dcab8c47a9cf118ee400c00c205365';
/** Bytes of an object's head, and of that of the data. */
const ASF_HEAD_BYTES = 24;
const ASF_DATA_HEAD_BYTES = 50;
/** Where the file's properties tell the size of a packet. */
const ASF_PACKET_BYTES_AT = 92;

/** asf, as wma and wmv are: objects, of which the data is packets of one size. A live one does not tell how many. */
export function asfPieces(): PieceReader {
  let packetBytes = 0;
  let begun = false;
  return (queue) => {
    const head = queue.peek(ASF_HEAD_BYTES);
    if (head === null) return null;
    const size = Number(viewOf(head).getBigUint64(16, true));
    if (!begun) {
      const header = queue.peek(size);
      if (header === null) return null;
      begun = true;
      const at = Buffer.from(header.buffer, header.byteOffset, header.length).indexOf(Buffer.from(ASF_FILE, 'hex'));
      if (at >= 0 && at + ASF_PACKET_BYTES_AT + 4 <= header.length)
        packetBytes = viewOf(header).getUint32(at + ASF_PACKET_BYTES_AT, true);
      return { bytes: size };
    }
    if (Buffer.from(head.subarray(0, 16)).toString('hex') !== ASF_DATA)
      return size < ASF_HEAD_BYTES || !Number.isSafeInteger(size) ? 'other' : { bytes: size, mayBeCut: true };
    if (size > ASF_DATA_HEAD_BYTES && Number.isSafeInteger(size)) return { bytes: size };
    return { bytes: Infinity, headBytes: ASF_DATA_HEAD_BYTES, packetBytes };
  };
}

const FLV_HEAD_BYTES = 11;

/** flv: tags of sound, picture and data, each with its length behind it, which some writers leave out at the end. */
export function flvPieces(): PieceReader {
  let begun = false;
  return (queue) => {
    const head = queue.peek(begun ? FLV_HEAD_BYTES : 9);
    if (head === null) return null;
    if (!begun) {
      begun = true;
      return { bytes: viewOf(head).getUint32(5) + 4 };
    }
    if (![8, 9, 18].includes((head[0] ?? 0) & 0x1f) || (viewOf(head).getUint32(7) & 0xff_ffff) !== 0) return 'damage';
    return { bytes: FLV_HEAD_BYTES + (viewOf(head).getUint32(0) & 0xff_ffff), headBytes: lastOf(head) };
  };
}

/** Bytes of a tag with the length behind it. */
function lastOf(head: Uint8Array): number {
  return FLV_HEAD_BYTES + (viewOf(head).getUint32(0) & 0xff_ffff) + 4;
}

/** A program stream: packs, and packets with their lengths. What is none, such as padding, is passed over. */
export function mpegPieces(): PieceReader {
  return (queue) => {
    const head = queue.peek(14);
    if (head === null) return null;
    const [zero, nought, one, code = 0] = head;
    if (zero !== 0 || nought !== 0 || one !== 1 || code < 0xb9) return { bytes: 1, mayBeCut: true };
    if (code === 0xb9) return { bytes: 4, mayBeCut: true };
    // MPEG-2's pack tells its stuffing; MPEG-1's is shorter and has none.
    if (code === 0xba)
      return { bytes: ((head[4] ?? 0) & 0xc0) === 0x40 ? 14 + ((head[13] ?? 0) & 7) : 12, mayBeCut: true };
    return { bytes: 6 + viewOf(head).getUint16(4) };
  };
}

/** Only the first piece is read. */
function first(read: (queue: ByteQueue) => Piece | null): PieceReader {
  let begun = false;
  return (queue) => {
    if (begun) return 'other';
    const piece = read(queue);
    begun = piece !== null;
    return piece;
  };
}
