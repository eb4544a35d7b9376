import { Option, type Command } from '@commander-js/extra-typings';
import { listModels, pullModel, verifyModels } from '@murmuration/asr';
import type { CommandContext } from '../commands.js';
import type { CliConfig } from '../config.js';
import { formatBytes, formatTable, type Terminal } from '../terminal.js';
import { ProgressLine } from '../output/progress.js';

const DTYPES = ['auto', 'fp32', 'fp16', 'int8'] as const;
const WORD_TIMES = { attention: 'yes', approximate: 'approximate', none: 'no', unknown: '?' } as const;
const JSON_OPTION = new Option('--json', 'for programs: one JSON document on standard output');
const NAME_AND_VARIABLES = `
NAME is a known name (base, small.en, large-v3-turbo, distil-large-v3, …) or an id of the hub
(onnx-community/whisper-base_timestamped), either with @REVISION.

Variables: MODEL_CACHE (.murmuration/models in the checkout), HF_ENDPOINT (https://huggingface.co), HF_TOKEN,
HF_HUB_OFFLINE. Exit status: 0 done; 1 it could not be done, or files are wrong; 2 the command line is wrong.`;

/** Adds `murmur models …`. */
export function addModels(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const models = program
    .command('models')
    .description('The models in the cache of this machine.')
    .addHelpText('after', NAME_AND_VARIABLES);
  models
    .command('list')
    .description('what models there are, and which lie in the cache')
    .addOption(JSON_OPTION)
    .action(async (options) => {
      context.status = await list(context.readConfig(), options.json === true, terminal);
    });
  models
    .command('pull')
    .description('fetch a model, or mend and renew it')
    .argument('<NAME>', 'known name or id of the hub')
    .addOption(
      new Option('--dtype <D>', 'precision; auto is int8 as for a CPU, and a GPU takes fp16')
        .choices(DTYPES)
        .default('auto' as const),
    )
    .addOption(JSON_OPTION)
    .addHelpText('after', NAME_AND_VARIABLES)
    .action(async (name, options) => {
      context.status = await pull(context.readConfig(), name, options, terminal);
    });
  models
    .command('verify')
    .description('read what lies in the cache and compare checksums')
    .argument('[NAME]', 'only this model')
    .addOption(JSON_OPTION)
    .addHelpText('after', NAME_AND_VARIABLES)
    .action(async (name, options) => {
      context.status = await verify(context.readConfig(), name ?? null, options.json === true, terminal);
    });
}

async function list({ MODEL_CACHE }: CliConfig, json: boolean, terminal: Terminal): Promise<number> {
  const models = await listModels(MODEL_CACHE);
  if (json) {
    terminal.out(`${JSON.stringify({ cache: MODEL_CACHE, models }, null, 2)}\n`);
    return 0;
  }
  terminal.out(
    formatTable(
      ['NAME', 'WORD TIMES', 'IN THE CACHE', 'FROM'],
      models.map(({ name, source, revision, wordTimes, cached }) => [
        name,
        WORD_TIMES[wordTimes],
        cached
          .map(({ dtypes, bytes }) => `${dtypes.length === 0 ? 'in part' : dtypes.join('+')}, ${formatBytes(bytes)}`)
          .join('; ') || '-',
        revision === null ? source : `${source}@${revision.slice(0, 12)}`,
      ]),
    ),
  );
  return 0;
}

async function pull(
  config: CliConfig,
  name: string,
  { dtype, json }: { readonly dtype: (typeof DTYPES)[number]; readonly json?: true | undefined },
  terminal: Terminal,
): Promise<number> {
  const line = new ProgressLine(terminal);
  try {
    const pulled = await pullModel(name, {
      cacheDir: config.MODEL_CACHE,
      dtype,
      device: 'cpu',
      hub: { endpoint: config.HF_ENDPOINT, token: config.HF_TOKEN ?? null, offline: config.HF_HUB_OFFLINE },
      onProgress: (progress) => {
        line.update(progress);
      },
    });
    line.end();
    terminal.out(
      json === true
        ? `${JSON.stringify(pulled)}\n`
        : `${pulled.name} (${pulled.dtype}, ${formatBytes(pulled.bytes)}) lies in ${pulled.folder}, verified.\n`,
    );
    return 0;
  } finally {
    line.end();
  }
}

/** Status 1 when a file is wrong, or when the named model is not in the cache. */
async function verify(
  { MODEL_CACHE }: CliConfig,
  name: string | null,
  json: boolean,
  terminal: Terminal,
): Promise<number> {
  const line = new ProgressLine(terminal);
  const models = await verifyModels(MODEL_CACHE, name, (progress) => {
    line.update(progress);
  }).finally(() => {
    line.end();
  });
  const isGood = models.every(({ problem }) => problem === null) && (name === null || models.length > 0);
  if (json) {
    terminal.out(`${JSON.stringify({ ok: isGood, models }, null, 2)}\n`);
    return isGood ? 0 : 1;
  }
  if (models.length === 0)
    terminal.err(name === null ? `No model lies in ${MODEL_CACHE}.\n` : `${name} does not lie in ${MODEL_CACHE}.\n`);
  for (const { name: model, commit, files, bytes, problem } of models) {
    const which = commit === null ? model : `${model}@${commit.slice(0, 12)}`;
    terminal.out(
      problem === null
        ? `${which}: ${String(files)} files, ${formatBytes(bytes)}, all as they should be\n`
        : `${which}: ${problem}\n`,
    );
  }
  return isGood ? 0 : 1;
}
