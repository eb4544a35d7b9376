import { Argument, type Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext } from '../commands.js';

/** An option as completions offer it. */
interface CompletedOption {
  /** With its dashes, the long form first. */
  readonly flags: readonly string[];
  readonly description: string;
  /** It is followed by a value. */
  readonly takesValue: boolean;
  /** The values that there are; empty where any will do. */
  readonly choices: readonly string[];
}

/** A command as completions know it. */
interface CompletedCommand {
  /** Its words, from the program's name on: `murmur jobs list`. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** Values that its arguments may have. */
  readonly choices: readonly string[];
}

/** The program and all its commands, each before those below it. */
function commandTree(command: CommandUnknownOpts, above = ''): readonly CompletedCommand[] {
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

/** What bash and zsh have in common: words are plain, since names of commands, options and choices hold nothing else. */
function words({ commands, choices, options }: CompletedCommand): string {
  return [...commands.map(({ name }) => name), ...choices, ...options.flatMap(({ flags }) => flags)].join(' ');
}

function paths(tree: readonly CompletedCommand[]): string {
  return tree
    .slice(1)
    .map(({ path }) => `"${path}"`)
    .join('|');
}

/** One line for each command whose option has choices: `"PATH OPTION") words="…" ;;`. */
function valueCases(tree: readonly CompletedCommand[]): string {
  return tree
    .flatMap(({ path, options }) =>
      options
        .filter(({ choices }) => choices.length > 0)
        .map(
          ({ flags, choices }) =>
            `    ${flags.map((flag) => `"${path} ${flag}"`).join('|')}) words="${choices.join(' ')}" ;;\n`,
        ),
    )
    .join('');
}

/** Options that take any value: there the shell offers files. */
function anyValueCases(tree: readonly CompletedCommand[]): string {
  const all = tree.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue, choices }) => takesValue && choices.length === 0)
      .flatMap(({ flags }) => flags.map((flag) => `"${path} ${flag}"`)),
  );
  return all.length === 0 ? '' : `    ${all.join('|')}) words="" ;;\n`;
}

function wordCases(tree: readonly CompletedCommand[]): string {
  return tree.map((command) => `    "${command.path}") words="${words(command)}" ;;\n`).join('');
}

/** A completion for bash. */
function bashScript(tree: readonly CompletedCommand[]): string {
  return `# Completion of murmur for bash. In ~/.bashrc: source <(murmur completion bash)
_murmur() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" at="murmur" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
    ${paths(tree)}) at="$at $word" ;;
    esac
  done
  case "$at $previous" in
${valueCases(tree)}${anyValueCases(tree)}    *) case "$at" in
${wordCases(tree)}    esac ;;
  esac
  COMPREPLY=()
  [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _murmur murmur
`;
}

/** A completion for zsh. */
function zshScript(tree: readonly CompletedCommand[]): string {
  return `#compdef murmur
# Completion of murmur for zsh. In ~/.zshrc, after compinit: source <(murmur completion zsh)
_murmur() {
  local previous="\${words[CURRENT-1]}" at="murmur" word found=""
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
    ${paths(tree)}) at="$at $word" ;;
    esac
  done
  case "$at $previous" in
${(valueCases(tree) + anyValueCases(tree)).replaceAll(') words=', ') found=')}    *) case "$at" in
${wordCases(tree).replaceAll(') words=', ') found=')}    esac ;;
  esac
  [[ -z "$found" ]] || compadd -- \${(s: :)found}
  _files
}
compdef _murmur murmur
`;
}

/** A completion for fish. */
function fishScript(tree: readonly CompletedCommand[]): string {
  const lines = tree.flatMap(({ path, commands, choices: values, options }) => {
    const at = `complete -c murmur -n '__murmur_at "${path}"'`;
    return [
      ...commands.map(({ name, description }) => `${at} -a ${name} -d '${quoted(description)}'`),
      ...values.map((value) => `${at} -a ${value}`),
      ...options.map(({ flags, description, takesValue, choices }) => {
        const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
        const value = choices.length > 0 ? ` -xa '${choices.join(' ')}'` : takesValue ? ' -r' : '';
        return `${at} ${names.join(' ')}${value} -d '${quoted(description)}'`;
      }),
    ];
  });
  return `# Completion of murmur for fish. Once: murmur completion fish > ~/.config/fish/completions/murmur.fish
function __murmur_at
  set -l at murmur
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${tree
        .slice(1)
        .map(({ path }) => `'${path}'`)
        .join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const EXPLAINED = `
bash: put into ~/.bashrc                       source <(murmur completion bash)
zsh:  put into ~/.zshrc, after compinit        source <(murmur completion zsh)
fish: once  murmur completion fish > ~/.config/fish/completions/murmur.fish

The shell completes the name murmur. In a checkout, where it is npx murmur, first: alias murmur='npx murmur'`;

/** Adds `murmur completion`, which knows the commands that were added before. */
export function addCompletion(program: Command, { terminal }: CommandContext): void {
  program
    .command('completion')
    .description('print the script that completes commands and options in your shell')
    .addArgument(new Argument('<SHELL>', 'your shell').choices(['bash', 'zsh', 'fish'] as const))
    .addHelpText('after', EXPLAINED)
    .action((shell) => {
      terminal.out(SCRIPTS[shell](commandTree(program)));
    });
}
