import { constants, openAsBlob } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename } from 'node:path';

export * from './index.js';

/** A file to send, read piece by piece while it is sent. Rejects as `node:fs` does when it cannot be read; a file that changes meanwhile fails the upload. */
export async function audioFile(path: string): Promise<File> {
  // What openAsBlob throws does not say why.
  await access(path, constants.R_OK);
  return new File([await openAsBlob(path)], basename(path));
}
