import { randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AsrError } from '@murmuration/contracts/errors';

/** A file without a name: gone from the disk when its last handle closes, also when the process is killed. */
export interface SpoolFile {
  /** Reads from the start. */
  readonly handle: FileHandle;
  readonly bytes: number;
}

/**
 * Writes a source to a nameless file in `folder` and opens it for reading; the caller closes the handle.
 * Throws what the source throws, `file_too_large` past `maxBytes`, `storage_full` when the disk is.
 */
export async function spool(source: AsyncIterable<Uint8Array>, folder: string, maxBytes: number): Promise<SpoolFile> {
  const path = join(folder, `murmuration-${randomUUID()}`);
  const writer = await open(path, 'wx', 0o600);
  let reader: FileHandle | null = null;
  try {
    // Two handles: on some systems a child's view of a descriptor shares its position.
    reader = await open(path, 'r').finally(() => unlink(path));
    let bytes = 0;
    for await (const piece of source) {
      bytes += piece.length;
      if (bytes > maxBytes) throw new AsrError('file_too_large');
      await writeAll(writer, piece);
    }
    return { handle: reader, bytes };
  } catch (error) {
    await reader?.close();
    throw isFull(error) ? new AsrError('storage_full', undefined, { cause: error }) : error;
  } finally {
    await writer.close();
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
