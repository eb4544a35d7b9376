import { randomUUID } from 'node:crypto';
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AsrError } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';

/** What a spool may take of its directory; shared by all of them. */
export interface SpoolSpace {
  readonly path: string;
  /** Throws `storage_full` when the directory has no room for more. */
  take(bytes: number): void;
  give(bytes: number): void;
}

/** Bytes kept in memory before a file is opened: short recordings never touch the disk. */
export const MEMORY_BYTES = 1024 * 1024;
const READ_BYTES = 64 * 1024;

/**
 * Bytes of an upload that may be read while they arrive, and again from the beginning.
 *
 * growing --end--> whole; growing --fail--> failed (readers throw the error); any --close--> closed (readers throw `cancelled`, the file is gone).
 * The first `MEMORY_BYTES` lie in memory, the rest in a file that has no name from the moment it is open, so that no end of the process leaves it behind.
 */
export class Spool {
  readonly #space: SpoolSpace;
  readonly #memory: Buffer[] = [];
  #memoryBytes = 0;
  #file: FileHandle | null = null;
  #fileBytes = 0;
  #named = false;
  #state: 'growing' | 'whole' | 'closed' | AsrError = 'growing';
  #wake: (() => void)[] = [];
  #using = 0;

  constructor(space: SpoolSpace) {
    this.#space = space;
  }

  get bytes(): number {
    return this.#memoryBytes + this.#fileBytes;
  }

  /** Adds bytes; one call at a time. Throws `storage_full`. */
  async write(piece: Buffer): Promise<void> {
    if (this.#state !== 'growing') throw new AsrError('cancelled');
    const kept = piece.subarray(0, Math.max(0, MEMORY_BYTES - this.#memoryBytes));
    if (kept.length > 0) {
      // A copy: the piece is a view of a larger buffer that would stay alive with it.
      this.#memory.push(Buffer.from(kept));
      this.#memoryBytes += kept.length;
    }
    const rest = piece.subarray(kept.length);
    if (rest.length > 0) await this.#writeFile(rest);
    this.#wakeAll();
  }

  /** All is there. */
  end(): void {
    if (this.#state === 'growing') this.#state = 'whole';
    this.#wakeAll();
  }

  /** No more will come; readers throw the error after what is there. */
  fail(error: AsrError): void {
    if (this.#state === 'growing') this.#state = error;
    this.#wakeAll();
  }

  /** All bytes from the first; waits for those to come. Any number of readers. */
  async *read(): AsyncGenerator<Uint8Array, undefined> {
    let index = 0;
    let fileOffset = 0;
    for (;;) {
      if (this.#state === 'closed') throw new AsrError('cancelled');
      const kept = this.#memory[index];
      if (kept !== undefined) {
        index += 1;
        yield kept;
        continue;
      }
      if (this.#file !== null && fileOffset < this.#fileBytes) {
        const piece = await this.#readFile(this.#file, fileOffset);
        fileOffset += piece.length;
        yield piece;
        continue;
      }
      if (this.#state === 'whole') return undefined;
      if (this.#state instanceof AsrError) throw this.#state;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  /** Frees everything, whatever the state. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#memory.length = 0;
    this.#wakeAll();
    await this.#freeFile();
  }

  async #writeFile(piece: Buffer): Promise<void> {
    this.#space.take(piece.length);
    this.#using += 1;
    try {
      const file = this.#file ?? (await this.#openFile());
      for (let done = 0; done < piece.length;) {
        const { bytesWritten } = await file.write(piece, done, piece.length - done, this.#fileBytes + done);
        done += bytesWritten;
      }
      this.#fileBytes += piece.length;
    } catch (error) {
      this.#space.give(piece.length);
      throw asStorageError(error);
    } finally {
      this.#using -= 1;
      if (this.#closed()) await this.#freeFile();
    }
  }

  async #openFile(): Promise<FileHandle> {
    const file = await open(this.#space.path, 'wx+', 0o600);
    this.#file = file;
    // Systems that do not let go of the name of an open file keep it until `close`.
    this.#named = await unlink(this.#space.path).then(
      () => false,
      () => true,
    );
    return file;
  }

  async #readFile(file: FileHandle, offset: number): Promise<Buffer> {
    this.#using += 1;
    try {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, this.#fileBytes - offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) throw new AsrError('internal');
      return buffer.subarray(0, bytesRead);
    } finally {
      this.#using -= 1;
      if (this.#closed()) await this.#freeFile();
    }
  }

  #closed(): boolean {
    return this.#state === 'closed';
  }

  /** Runs once the last read or write in flight has ended. */
  async #freeFile(): Promise<void> {
    const file = this.#file;
    if (file === null || this.#using > 0) return;
    this.#file = null;
    this.#space.give(this.#fileBytes);
    await file.close().catch(leaveAlone('closing'));
    if (this.#named) await unlink(this.#space.path).catch(leaveAlone('best_effort'));
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const call of wake) call();
  }
}

function asStorageError(error: unknown): AsrError {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new AsrError('storage_full', undefined, { cause: error })
    : AsrError.from(error);
}

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
        if (this.#usedBytes + bytes > this.#maxBytes)
          throw new AsrError('storage_full', "Too many uploads lie on the server's disk at once. Send it again later.");
        this.#usedBytes += bytes;
      },
      give: (bytes) => {
        this.#usedBytes -= bytes;
      },
    });
  }
}
