import { parseArgs } from 'node:util';
import type { CliConfig } from '../config.js';
import { UsageError, type Terminal } from '../terminal.js';
import { listCommand } from './list.js';
import { DTYPES, type ModelsArguments } from './models-arguments.js';
import { pullCommand } from './pull.js';
import { verifyCommand } from './verify.js';

export const MODELS_USAGE = `murmur models list                     what models there are, and which lie in the cache
murmur models pull NAME [--dtype D]    fetch a model, or mend and renew it
murmur models verify [NAME]            read what lies in the cache and compare checksums

NAME is a known name (base, small.en, large-v3-turbo, distil-large-v3, …) or an id of the hub
(onnx-community/whisper-base_timestamped), either with @REVISION.

  --dtype D    fp32, fp16, int8, or auto (default): int8 as for a CPU; a GPU takes fp16
  --json       for programs: one JSON document on standard output
  --help       show this

Variables: MODEL_CACHE (.murmuration/models in the checkout), HF_ENDPOINT (https://huggingface.co), HF_TOKEN,
HF_HUB_OFFLINE. Exit status: 0 done; 1 it could not be done, or files are wrong; 2 the command line means nothing.
`;

type Command = (asked: ModelsArguments, config: CliConfig, terminal: Terminal) => Promise<number>;

const COMMANDS: Readonly<
  Record<
    string,
    { readonly run: Command; readonly names: readonly [least: number, most: number]; readonly takesDtype: boolean }
  >
> = {
  list: { run: listCommand, names: [0, 0], takesDtype: false },
  pull: { run: pullCommand, names: [1, 1], takesDtype: true },
  verify: { run: verifyCommand, names: [0, 1], takesDtype: false },
};

/** `murmur models …`; answers the exit status. Throws `UsageError`. */
export async function modelsCommand(
  args: readonly string[],
  readConfig: () => CliConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help === true) {
    terminal.out(MODELS_USAGE);
    return 0;
  }
  const [name, ...names] = positionals;
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (name === undefined || command === undefined)
    throw new UsageError(
      name === undefined
        ? 'murmur models: say list, pull or verify'
        : `murmur models ${name}: there is list, pull and verify`,
    );
  const [least, most] = command.names;
  if (names.length < least) throw new UsageError(`murmur models ${name}: say which model`);
  if (names.length > most) throw new UsageError(`murmur models ${name}: ${String(names[most])} is one too many`);
  if (values.dtype !== undefined && !command.takesDtype) throw new UsageError(`murmur models ${name} takes no --dtype`);
  const dtype = DTYPES.find((one) => one === (values.dtype ?? 'auto'));
  if (dtype === undefined) throw new UsageError(`--dtype takes ${DTYPES.join(', ')}`);
  return command.run({ names, dtype, json: values.json ?? false }, readConfig(), terminal);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { dtype: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0] : String(error));
  }
}
