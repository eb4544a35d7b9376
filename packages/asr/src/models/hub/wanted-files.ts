import type { Device } from '@murmuration/onnx';
import { chooseGraphs, graphDtypes } from '../../whisper/model/model-folder.js';
import type { Dtype } from '../dtype.js';
import { ModelFileFault } from '../model-file-fault.js';
import type { OfferedFile } from './hub-listing.js';

const NEEDED = ['config.json', 'tokenizer.json'];
const USEFUL = ['generation_config.json', 'tokenizer_config.json', 'preprocessor_config.json', 'special_tokens_map.json', 'added_tokens.json', 'normalizer.json', 'vocab.json', 'merges.txt'];
const GRAPHS = 'onnx/';
/** More than any export has; a listing beyond is not a model's. */
const MOST_BYTES = 64 * 1024 ** 3;

/** The files that a dtype needs, `config.json` first: it says whether the rest is worth fetching. */
export interface WantedFiles {
  readonly dtype: 'fp32' | 'fp16' | 'int8';
  readonly files: readonly OfferedFile[];
}

/** Chooses files of a repository. Throws `ModelFileFault` that names what it lacks, or the dtypes it has. */
export function wantedFiles(repository: string, offered: readonly OfferedFile[], dtype: Dtype, device: Device): WantedFiles {
  for (const name of NEEDED) {
    if (!offered.some((file) => file.name === name)) throw new ModelFileFault(`${repository} is no speech recognition model that can be run here: expected ${NEEDED.join(', ')} and graphs under ${GRAPHS}, found no ${name}`);
  }
  const chosen = named(repository, () => chooseGraphs(graphNames(offered), dtype, device));
  const graphs = [chosen.encoder, chosen.decoder];
  // Graphs past 2 GiB keep their weights beside them: NAME.onnx_data, NAME.onnx_data_1, …
  const isGraph = (name: string): boolean => graphs.some((graph) => {
    const prefix = GRAPHS + graph;
    return name === prefix || (name.startsWith(prefix) && /^[._]data(_\d+)?$/.test(name.slice(prefix.length)));
  });
  const files = [...NEEDED, ...USEFUL].flatMap((name) => offered.filter((file) => file.name === name)).concat(offered.filter((file) => isGraph(file.name)));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > MOST_BYTES) throw new ModelFileFault(`${repository} would take ${String(bytes)} bytes: expected at most ${String(MOST_BYTES)}`);
  return { dtype: chosen.dtype, files };
}

/** Whether a file may ever be wanted; the rest of a listing need not be remembered. */
export function isModelFile(name: string): boolean {
  return NEEDED.includes(name) || USEFUL.includes(name) || /^onnx\/[\w.-]+\.onnx([._]data(_\d+)?)?$/.test(name);
}

/** The dtypes of which all graphs are among the names. */
export function dtypesAmong(names: readonly string[]): readonly string[] {
  return graphDtypes(names.filter((name) => name.startsWith(GRAPHS)).map((name) => name.slice(GRAPHS.length)));
}

function graphNames(offered: readonly OfferedFile[]): readonly string[] {
  return offered.filter((file) => file.name.startsWith(GRAPHS)).map((file) => file.name.slice(GRAPHS.length));
}

/** The choice itself knows no repository. */
function named<T>(repository: string, choose: () => T): T {
  try {
    return choose();
  } catch (error) {
    if (error instanceof ModelFileFault) throw new ModelFileFault(`${repository}: ${error.message}`, { cause: error });
    throw error;
  }
}
