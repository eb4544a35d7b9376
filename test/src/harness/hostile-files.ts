import { gzipSync } from 'node:zlib';

/** A ZIP archive of one stored entry. */
export function zipFile(name: string, content: Buffer): Buffer {
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt32LE(content.length, 18);
  local.writeUInt32LE(content.length, 22);
  local.writeUInt16LE(name.length, 26);
  return Buffer.concat([local, Buffer.from(name), content]);
}

/** A tar archive of one file. */
export function tarFile(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        0', 148);
  header.write('ustar\0', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc(512 - (content.length % 512)), Buffer.alloc(1024)]);
}

/** 100 MB of zeros in 100 KB. */
export function gzipBomb(): Buffer {
  return gzipSync(Buffer.alloc(100_000_000));
}

/** An MP3 with an ID3v2.3 tag before it: a cover in SVG that refers elsewhere, and one that is a link. */
export function withCovers(mp3: Buffer, url: string): Buffer {
  const svg = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="${url}"/></svg>`,
  );
  const frames = Buffer.concat([picture('image/svg+xml', svg), picture('-->', Buffer.from(url))]);
  const header = Buffer.from([
    0x49,
    0x44,
    0x33,
    3,
    0,
    0,
    ...[21, 14, 7, 0].map((shift) => (frames.length >> shift) & 0x7f),
  ]);
  return Buffer.concat([header, frames, mp3]);
}

function picture(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([0]), Buffer.from(`${type}\0`), Buffer.from([3, 0]), data]);
  const header = Buffer.alloc(10);
  header.write('APIC', 0);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

/** An MP4 whose tracks name their data by a URL instead of lying in the file (ISO 14496-12, 8.7.2). The index must come after the data. */
export function withDataReference(mp4: Buffer, url: string): Buffer {
  return rewritten(mp4, url);
}

const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'dinf']);

function rewritten(boxes: Buffer, url: string): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= boxes.length;) {
    const size = boxes.readUInt32BE(at) === 0 ? boxes.length - at : boxes.readUInt32BE(at);
    const type = boxes.toString('latin1', at + 4, at + 8);
    const body = boxes.subarray(at + 8, at + size);
    if (CONTAINERS.has(type)) parts.push(box(type, rewritten(body, url)));
    // Version and flags, one entry; without the flag "self-contained" the location counts.
    else if (type === 'dref')
      parts.push(
        box(
          type,
          Buffer.concat([
            Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]),
            box('url ', Buffer.concat([Buffer.alloc(4), Buffer.from(`${url}\0`)])),
          ]),
        ),
      );
    else parts.push(boxes.subarray(at, at + size));
    at += size;
  }
  return Buffer.concat(parts);
}

function box(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(body.length + 8, 0);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
}
