import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AsrError } from '@murmuration/contracts';
import { Spool } from './spool.js';

/** The directory in which uploads lie while they are worked on, with its bound over all of them. */
export class SpoolDirectory {
  readonly #directory: string;
  readonly #maxBytes: number;
  #usedBytes = 0;

  private constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  /** Makes the directory where it is missing. Throws the system's error when it cannot. */
  static async open(directory: string, maxBytes: number): Promise<SpoolDirectory> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new SpoolDirectory(directory, maxBytes);
  }

  /** Bytes on disk now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  create(): Spool {
    return new Spool({
      path: join(this.#directory, `${randomUUID()}.part`),
      take: (bytes) => {
        if (this.#usedBytes + bytes > this.#maxBytes) throw new AsrError('storage_full', 'Too many uploads lie on the server\'s disk at once. Send it again later.', { retryAfterSeconds: 30 });
        this.#usedBytes += bytes;
      },
      give: (bytes) => { this.#usedBytes -= bytes; },
    });
  }
}
