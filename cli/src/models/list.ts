import { listModels } from '@murmuration/asr';
import type { CliConfig } from '../config.js';
import { formatBytes } from '../format-bytes.js';
import { formatTable } from '../table.js';
import type { Terminal } from '../terminal.js';
import type { ModelsArguments } from './models-arguments.js';

const WORD_TIMES = { attention: 'yes', approximate: 'approximate', none: 'no', unknown: '?' } as const;

/** `murmur models list`. */
export async function listCommand(
  { json }: ModelsArguments,
  { MODEL_CACHE }: CliConfig,
  terminal: Terminal,
): Promise<number> {
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
