import { Option, type Command } from '@commander-js/extra-typings';
import { type CommandContext, STATUS } from '../commands.js';
import { MARKS, type Finding, checkDisk, checkFfmpeg, checkGpu, checkNode, checkPorts, checkModels } from './checks.js';
import { checkRedis } from './redis-check.js';

const EXPLAINED = `
Looks at what murmur up and the services need on this machine, with the variables that they would read, and changes nothing.
A line begins with ok, note (it works, with something to know) or BAD (it does not, and what to do).

Exit status: 0 nothing is bad; 1 something is.`;

/** Adds `murmur doctor`. */
export function addDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('look at what Murmuration needs here: Redis, models, ffmpeg, GPU, ports, disk')
    .addOption(new Option('--json', 'for programs: one JSON document on standard output'))
    .addHelpText('after', EXPLAINED)
    .action(async (options) => {
      const { environment, terminal } = context;
      const config = context.readConfig();
      const findings: readonly Finding[] = [
        checkNode(),
        ...(await Promise.all([
          checkRedis(environment),
          checkModels(config, environment),
          checkFfmpeg(environment),
          checkGpu(environment),
          checkPorts(environment),
          checkDisk(config, environment),
        ])),
      ];
      if (options.json === true) terminal.out(`${JSON.stringify({ findings }, null, 2)}\n`);
      else for (const { name, state, text } of findings) terminal.out(`${MARKS[state]}  ${name.padEnd(7)} ${text}\n`);
      context.status = findings.some(({ state }) => state === 'bad') ? STATUS.failed : STATUS.done;
    });
}
