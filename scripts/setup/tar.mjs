import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { ByteReader } from './byte-reader.mjs';

// A tar archive is a row of 512-byte blocks: a header, then the member's bytes padded to whole blocks (POSIX.1-2017, pax).
const BLOCK = 512;
// Long names and pax records are read into memory; more than this is no honest npm package.
const MAX_META_BYTES = 64 * 1024;

/** A number of a header field: octal text, or base 256 when the first bit is set. */
function readNumber(field) {
  if ((field[0] & 0x80) !== 0) {
    let value = field[0] & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const text = readText(field).trim();
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function readText(field) {
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? field.length : end).toString('utf8');
}

/** Throws when the header's checksum is wrong: the sum of its bytes, the checksum itself read as spaces. */
function parseHeader(block) {
  let sum = 0;
  for (let i = 0; i < BLOCK; i += 1) sum += i >= 148 && i < 156 ? 0x20 : block[i];
  if (readNumber(block.subarray(148, 156)) !== sum) throw new Error('the archive is damaged: a header\'s checksum is wrong');
  const name = readText(block.subarray(0, 100));
  const isUstar = block.subarray(257, 262).toString('latin1') === 'ustar';
  const prefix = isUstar ? readText(block.subarray(345, 500)) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: readNumber(block.subarray(124, 136)),
    type: String.fromCharCode(block[156]),
  };
}

/** Values of a pax extended header: records of `LENGTH KEY=VALUE` and a line feed. */
function parsePax(bytes) {
  const values = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number.parseInt(bytes.subarray(at, space).toString('latin1'), 10);
    if (space === -1 || !(length > 0)) break;
    const record = bytes.subarray(space + 1, at + length - 1).toString('utf8');
    const equals = record.indexOf('=');
    values[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return values;
}

/**
 * Reads a gzipped tar file member by member, in constant memory. Calls `onFile(name, size, content)` for each regular
 * file; `content` is an async iterable of buffers, and what is not read of it is skipped. Other members (folders,
 * links, devices) are passed over. Throws when the archive is damaged or ends early.
 */
export async function readTarGz(path, onFile) {
  const file = createReadStream(path);
  const gunzip = createGunzip();
  file.once('error', (error) => { gunzip.destroy(error); });
  file.pipe(gunzip);
  try {
    await readTar(new ByteReader(gunzip), onFile);
  } finally {
    file.destroy();
    gunzip.destroy();
  }
}

async function readTar(reader, onFile) {
  let overrides = {};
  for (;;) {
    const block = await reader.exactly(BLOCK);
    if (block.every((byte) => byte === 0)) return;
    const header = parseHeader(block);
    const size = overrides.size === undefined ? header.size : Number(overrides.size);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('the archive is damaged: a member has no size');
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (['x', 'g', 'L'].includes(header.type)) {
      if (size > MAX_META_BYTES) throw new Error('the archive is damaged: a name is too long');
      const bytes = (await reader.exactly(size + padding)).subarray(0, size);
      // 'g' holds defaults for the whole archive, of which none matters here.
      if (header.type === 'x') overrides = { ...overrides, ...parsePax(bytes) };
      if (header.type === 'L') overrides = { ...overrides, path: readText(bytes) };
      continue;
    }
    const content = reader.upTo(size);
    if (header.type === '0' || header.type === '\0') await onFile(overrides.path ?? header.name, size, content);
    await content.skipRest();
    await reader.exactly(padding);
    overrides = {};
  }
}
