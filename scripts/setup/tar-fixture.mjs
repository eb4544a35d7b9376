import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** One member of a tar archive as bytes: header and padded content. For tests. */
export function tarMember(name, content, { type = '0', prefix = '', link = '' } = {}) {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write('ustar\0', 257);
  header.write('00', 263);
  header.write(prefix, 345, 155);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** Runs `work(tarballPath, folder)` with a gzipped archive of these members in a folder that is removed afterwards. */
export async function withTarball(members, work, { end = Buffer.alloc(1024) } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-tar-'));
  try {
    const path = join(folder, 'package.tgz');
    writeFileSync(path, gzipSync(Buffer.concat([...members, end])));
    return await work(path, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
