import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// Homebrew's and Debian's folders, which the PATH of a service or of a bare shell may lack.
const MORE_FOLDERS = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/usr/sbin'];

/** Absolute path of the first of `names` that is an executable file on the PATH, or null. */
export function findExecutable(names, path = process.env.PATH ?? '', moreFolders = MORE_FOLDERS) {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), ...moreFolders];
  for (const name of names) {
    for (const folder of folders) {
      const file = join(folder, name);
      if (isExecutable(file)) return file;
    }
  }
  return null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
