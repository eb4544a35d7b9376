import { runCommand } from './command.mjs';

/**
 * Runs npm: the one that runs this script when there is one, else that on the PATH. Answers as `runCommand` does.
 * @param {string[]} args
 * @param {Parameters<typeof runCommand>[2]} [given]
 */
export function runNpm(args, given) {
  const script = process.env.npm_execpath;
  // npm passes over SIGTERM while it installs; a tree that it leaves half done is installed anew.
  /** @type {typeof given} */
  const options = { ...given, endSignal: 'SIGKILL' };
  // Under yarn or pnpm the variable names those; they read no package-lock.json.
  return script !== undefined && /npm-cli\.[cm]?js$/.test(script)
    ? runCommand(process.execPath, [script, ...args], options)
    : runCommand('npm', args, options);
}

/** What of npm's output tells a person something: the error lines without prefixes and without the notice where the log lies. */
export function npmErrors(lines) {
  return lines
    .filter((line) => /^npm (error|ERR!)/.test(line))
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('A complete log of this run'))
    .slice(0, 8);
}
