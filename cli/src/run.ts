import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { KeyFileError } from '@murmuration/access';
import { HubFault, ModelFileFault } from '@murmuration/asr';
import { MurmurationError } from '@murmuration/client/node';
import { EnvironmentError } from '@murmuration/runtime';
import { type CommandContext, type UpGiven, STATUS, sentence, statusOf } from './commands.js';
import { readConfig, type Environment } from './config.js';
import { addCompletion } from './completion/completion-command.js';
import { addDoctor } from './doctor/doctor-command.js';
import { addGpu } from './gpu/gpu-command.js';
import { GpuFault } from './gpu/gpu-wheels.js';
import { addJobs } from './jobs/jobs-command.js';
import { addKeys } from './keys/keys-command.js';
import { addLive } from './live/live-command.js';
import { UnusableInput } from './live/audio-input.js';
import { addModels } from './models/models-command.js';
import { Interrupted, UsageError, type Terminal } from './terminal.js';
import { addTranscribe } from './transcribe/transcribe-command.js';
import { addUpArguments } from './up/up-arguments.js';

/** Runs a command line and answers the exit status: 0 done, 1 it could not be done, 2 the command line is wrong, 3 the server cannot be reached, 130 Ctrl-C. Throws only what is a fault of this program. */
export async function run(
  args: readonly string[],
  environment: Environment,
  terminal: Terminal,
  up: UpGiven = {},
): Promise<number> {
  const context: CommandContext = {
    environment,
    readConfig: () => readConfig(environment),
    terminal,
    up,
    status: STATUS.done,
  };
  const program = murmur(context);
  let running: CommandUnknownOpts = program;
  program.hook('preAction', (_, command) => {
    running = command;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return context.status;
  } catch (error) {
    // Commander has written what is wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? STATUS.done : STATUS.usage;
    if (error instanceof Interrupted) return error.status;
    if (error instanceof UsageError) {
      terminal.err(`${error.message}\n\n${running.helpInformation()}`);
      return STATUS.usage;
    }
    if (error instanceof MurmurationError) {
      terminal.err(`${sentence(error)}\n`);
      return statusOf(error);
    }
    if (
      ![ModelFileFault, HubFault, GpuFault, KeyFileError, EnvironmentError, UnusableInput].some(
        (kind) => error instanceof kind,
      ) ||
      !(error instanceof Error)
    )
      throw error;
    terminal.err(`${error.message}\n`);
    return STATUS.failed;
  }
}

function murmur(context: CommandContext): Command {
  const { terminal } = context;
  const program = new Command('murmur');
  program
    .description('Murmuration: speech in, text out.')
    .addHelpText('after', '\nmurmur COMMAND --help explains a command and its options.')
    .exitOverride()
    .showHelpAfterError()
    .configureOutput({
      writeOut: (text) => {
        terminal.out(text);
      },
      writeErr: (text) => {
        terminal.err(text);
      },
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
    // The commands of groups are listed beside the others: `jobs list`, `jobs show`.
    .configureHelp({
      visibleCommands: (command) =>
        command.commands.flatMap((one) => (one.commands.length === 0 ? [one] : [...one.commands])),
      subcommandTerm: (command) =>
        [nameWithGroup(command, program), ...command.registeredArguments.map((one) => one.name())].join(' '),
    });
  addUpArguments(program, async (asked) => {
    // Loaded for this command alone: the others start faster without it.
    const { upCommand } = await import('./up/up-command.js');
    context.status = await upCommand(asked, context.environment, terminal, context.up);
  });
  for (const add of [addTranscribe, addLive, addJobs, addModels, addKeys, addGpu, addDoctor, addCompletion])
    add(program, context);
  nameExcessArguments(program);
  return program;
}

/** Commander counts arguments that are too many; here the first of them is named. */
function nameExcessArguments(program: CommandUnknownOpts): void {
  for (const command of [program, ...program.commands, ...program.commands.flatMap((group) => group.commands)])
    command.allowExcessArguments();
  program.hook('preAction', (_, command) => {
    const { args, registeredArguments } = command;
    const excess = registeredArguments.some((one) => one.variadic) ? undefined : args[registeredArguments.length];
    if (excess !== undefined) command.error(`error: unexpected argument '${excess}'`);
  });
}

function nameWithGroup(command: CommandUnknownOpts, program: CommandUnknownOpts): string {
  const group = command.parent;
  return group === null || group === program ? command.name() : `${group.name()} ${command.name()}`;
}
