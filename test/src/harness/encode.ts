import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests that encode are skipped; false when ffmpeg is there. */
export const WITHOUT_FFMPEG =
  spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'there is no ffmpeg on the PATH to encode with';

/** A file that ffmpeg makes of another: `parameters` come between input and output; the extension chooses the container. Throws with ffmpeg's words when it fails. */
export function encoded(file: Uint8Array, extension: string, parameters: readonly string[] = []): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'murmuration-encode-'));
  try {
    const [input, output] = [join(folder, 'in.wav'), join(folder, `out.${extension}`)];
    writeFileSync(input, file);
    const run = spawnSync('ffmpeg', ['-loglevel', 'error', '-y', '-i', input, ...parameters, output], {
      encoding: 'utf8',
    });
    if (run.status !== 0) throw new Error(run.stderr);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
