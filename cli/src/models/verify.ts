import { verifyModels } from '@murmuration/asr';
import type { CliConfig } from '../config.js';
import { formatBytes } from '../format-bytes.js';
import type { Terminal } from '../terminal.js';
import type { ModelsArguments } from './models-arguments.js';
import { ProgressLine } from './progress-line.js';

/** `murmur models verify [NAME]`; status 1 when a file is wrong, or when the named model is not in the cache. */
export async function verifyCommand(
  { names, json }: ModelsArguments,
  { MODEL_CACHE }: CliConfig,
  terminal: Terminal,
): Promise<number> {
  const [name = null] = names;
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
