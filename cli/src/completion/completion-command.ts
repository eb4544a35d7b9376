import { Argument, type Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../command-context.js';
import { commandTree, bashScript, fishScript, zshScript } from './shell-scripts.js';

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
