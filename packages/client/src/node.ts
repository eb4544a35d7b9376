import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';

export * from './index.js';

/** A file to send, read piece by piece while it is sent. Rejects as `node:fs` does when it cannot be opened; a file that changes meanwhile fails the upload. */
export async function audioFile(path: string): Promise<File> {
  return new File([await openAsBlob(path)], basename(path));
}
