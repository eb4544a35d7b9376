import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Makes the folder, or takes an existing one over, so that nobody else may look into it. */
export function privateFolder(path) {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}

/** Writes a file that its owner alone may read, in one step, whatever stood there and whatever its mode was. */
export function writePrivate(path, text) {
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
