import { findExecutable } from './executables.mjs';
import { say } from './say.mjs';
import { installPackage } from './system-packages.mjs';

/** Sees to it that ffmpeg is there where it may be installed; without it the API refuses the formats that need it, by a clear error. Never fails. */
export async function ensureFfmpeg() {
  const tell = (text) => {
    say('ffmpeg', text);
  };
  if (findExecutable(['ffmpeg']) !== null) {
    tell('found');
    return;
  }
  const { installed, hint } = await installPackage('ffmpeg', tell);
  tell(installed ? 'installed' : `not there: m4a, aac and video containers cannot be read without it. ${hint}`);
}
