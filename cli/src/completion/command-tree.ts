import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** An option as completions offer it. */
export interface CompletedOption {
  /** With its dashes, the long form first. */
  readonly flags: readonly string[];
  readonly description: string;
  /** It is followed by a value. */
  readonly takesValue: boolean;
  /** The values that there are; empty where any will do. */
  readonly choices: readonly string[];
}

/** A command as completions know it. */
export interface CompletedCommand {
  /** Its words, from the program's name on: `murmur jobs list`. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** Values that its arguments may have. */
  readonly choices: readonly string[];
}

/** The program and all its commands, each before those below it. */
export function commandTree(command: CommandUnknownOpts, above = ''): readonly CompletedCommand[] {
  const path = `${above}${command.name()}`;
  const help = command.createHelp();
  return [
    {
      path,
      commands: command.commands.map((one) => ({ name: one.name(), description: one.description() })),
      choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
      options: help.visibleOptions(command).map((option) => ({
        flags: [option.long, option.short].flatMap((flag) => flag ?? []),
        description: option.description,
        takesValue: option.required || option.optional,
        choices: option.argChoices ?? [],
      })),
    },
    ...command.commands.flatMap((one) => commandTree(one, `${path} `)),
  ];
}
