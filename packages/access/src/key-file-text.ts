import { open } from 'node:fs/promises';
import { KeyFileError } from './key-entry.js';

/** Largest file of keys that is read, bytes. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** The file is not there, too large or not readable, as opposed to: not usable. */
export class Unreadable extends KeyFileError {
  /** True when there is no such file. */
  readonly missing: boolean;

  constructor(message: string, missing: boolean) {
    super(message);
    this.missing = missing;
  }
}

/** Text of a file of keys. Throws `Unreadable`; the message holds no path. */
export async function readKeyFile(path: string): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) throw new Unreadable(`The file of keys is larger than ${String(MAX_FILE_BYTES)} bytes.`, false);
    // A file that grows meanwhile is read no further than it was long.
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await file.read(buffer, 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new Unreadable(`The file of keys cannot be read (${code}).`, code === 'ENOENT');
  } finally {
    await file?.close();
  }
}
