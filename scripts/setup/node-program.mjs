import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.mjs';
import { npmErrors, runNpm } from './npm.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Sees to it that the newest Node.js of a version (`24`, `20.19`, `22.12.0`) lies under `folder`, out of the npm package that holds
 * the program for this machine. Answers its version and the folder of the program, for the PATH. Throws a `SetupError`.
 * @param {string} wanted
 * @param {string} folder
 */
export async function ensureNode(wanted, folder) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(folder, 'fetch-'));
  try {
    const packed = await runNpm(
      [
        'pack',
        `${name}@${wanted}`,
        '--pack-destination',
        scratch,
        '--prefer-offline',
        '--ignore-scripts',
        '--loglevel=error',
      ],
      { cwd: folder },
    );
    const tarball = readdirSync(scratch).find((file) => file.endsWith('.tgz'));
    if (packed.code !== 0 || tarball === undefined)
      throw new SetupError(
        [
          `Node.js ${wanted} could not be had from the npm package ${name}. npm says:`,
          ...npmErrors(packed.lines).map((line) => `  ${line}`),
        ].join('\n'),
      );
    const place = join(folder, tarball.replace(/\.tgz$/, ''));
    const bin = join(place, 'bin');
    if (!existsSync(place)) {
      const { extract } = await import('tar');
      const unpacked = join(scratch, 'unpacked');
      mkdirSync(unpacked);
      await extract({ file: join(scratch, tarball), cwd: unpacked, strip: 1, strict: true });
      renameSync(unpacked, place);
    }
    const { code, stdout, lines } = await runCommand(join(bin, 'node'), ['--version'], { timeoutMs: 30_000 });
    if (code !== 0) throw new SetupError(`Node.js ${wanted} does not run here: ${lines.at(-1) ?? 'it said nothing'}.`);
    say('node', `${stdout.trim()} is there`);
    return { version: stdout.trim(), bin };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
