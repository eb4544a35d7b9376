import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { privateFolder } from '../../../scripts/setup/private-files.mjs';

/** A log on disk that keeps at most twice `maxBytes`: when it is full it becomes `PATH.1`, and that of before goes. */
export class LogFile {
  readonly path: string;
  readonly #maxBytes: number;
  #file: number;
  #bytes: number;

  constructor(path: string, maxBytes = 20 * 1024 * 1024) {
    this.path = path;
    this.#maxBytes = maxBytes;
    privateFolder(dirname(path));
    this.#file = openSync(path, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  write(line: string): void {
    if (this.#bytes >= this.#maxBytes) {
      closeSync(this.#file);
      renameSync(this.path, `${this.path}.1`);
      this.#file = openSync(this.path, 'a', 0o600);
      this.#bytes = 0;
    }
    try {
      this.#bytes += writeSync(this.#file, `${line}\n`);
    } catch (error) {
      // A full disk must not end the services: their log is what can be spared.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
