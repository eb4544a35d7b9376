import { pullModel } from '@murmuration/asr';
import type { CliConfig } from '../config.js';
import { formatBytes } from '../format-bytes.js';
import type { Terminal } from '../terminal.js';
import type { ModelsArguments } from './models-arguments.js';
import { ProgressLine } from './progress-line.js';

/** `murmur models pull NAME`. */
export async function pullCommand(
  { names, dtype, json }: ModelsArguments,
  config: CliConfig,
  terminal: Terminal,
): Promise<number> {
  const line = new ProgressLine(terminal);
  try {
    const pulled = await pullModel(names[0] ?? '', {
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
      json
        ? `${JSON.stringify(pulled)}\n`
        : `${pulled.name} (${pulled.dtype}, ${formatBytes(pulled.bytes)}) lies in ${pulled.folder}, verified.\n`,
    );
    return 0;
  } finally {
    line.end();
  }
}
