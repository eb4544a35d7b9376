import { findExecutable } from './executables.mjs';
import { say } from './say.mjs';
import { installPackage } from './system-packages.mjs';

/** Sees to it that a program that only tests use is there where it may be installed; without it these tests are skipped and say so. Never fails. */
export async function ensureTestProgram(name) {
  const tell = (text) => {
    say(name, text);
  };
  if (findExecutable([name]) !== null) {
    tell('found');
    return;
  }
  const { installed, hint } = await installPackage(name, tell);
  tell(installed ? 'installed' : `not there: tests that need it are skipped. ${hint}`);
}
