import type { Device } from '@murmuration/onnx';
import { z } from 'zod';
import { chooseGraphs, graphDtypes } from '../model-folder.js';
import type { HubReference } from '../known-models.js';
import { ModelFileFault, type Dtype } from '../model-files.js';
import type { HubClient } from './hub-client.js';
import { HubFault } from './hub-settings.js';

/** A file of a repository, as the hub lists it. One of the checksums is there, or neither: then the headers of the file itself have it. */
export interface OfferedFile {
  /** Relative to the repository, with forward slashes. */
  readonly name: string;
  readonly bytes: number;
  /** Of large files. */
  readonly sha256: string | null;
  /** Git's id of small files: SHA-1 over a header and the content. */
  readonly blobSha1: string | null;
}

/** A repository at a commit: what it holds never changes. */
export interface HubListing {
  readonly commit: string;
  readonly files: readonly OfferedFile[];
}

const answerSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.number().int().nonnegative().nullish(),
      blobId: z
        .string()
        .regex(/^[0-9a-f]{40}$/)
        .nullish(),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() }).nullish(),
    }),
  ),
});

// Names become paths here: nothing may lead out of the folder.
const SAFE_NAME = /^(?:[\w-][\w.-]*\/){0,4}[\w-][\w.-]*$/;

/** Asks the hub what a model's revision holds. Files of other names than models have are left out. Throws `HubFault` or `ModelFileFault`. */
export async function listModel(client: HubClient, { repository, revision }: HubReference): Promise<HubListing> {
  const answer = answerSchema.safeParse(
    await client.json(
      `api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`,
      `the model ${repository}`,
    ),
  );
  if (!answer.success)
    throw new HubFault(
      `${client.host} describes the model ${repository} in a form that is not the hub's: ${z.prettifyError(answer.error)}`,
    );
  const files = answer.data.siblings.flatMap(({ rfilename, size, blobId, lfs }): OfferedFile[] => {
    const bytes = lfs?.size ?? size;
    // What has no stated size cannot be bounded.
    if (!SAFE_NAME.test(rfilename) || bytes === null || bytes === undefined) return [];
    return [
      {
        name: rfilename,
        bytes,
        sha256: lfs?.sha256 ?? null,
        blobSha1: lfs === null || lfs === undefined ? (blobId ?? null) : null,
      },
    ];
  });
  return { commit: answer.data.sha, files };
}

const NEEDED = ['config.json', 'tokenizer.json'];
const USEFUL = [
  'generation_config.json',
  'tokenizer_config.json',
  'preprocessor_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'normalizer.json',
  'vocab.json',
  'merges.txt',
];
const GRAPHS = 'onnx/';
/** More than any export has; a listing beyond is not a model's. */
const MOST_BYTES = 64 * 1024 ** 3;

/** The files that a dtype needs, `config.json` first: it says whether the rest is worth fetching. */
export interface WantedFiles {
  readonly dtype: 'fp32' | 'fp16' | 'int8';
  readonly files: readonly OfferedFile[];
}

/** Chooses files of a repository. Throws `ModelFileFault` that names what it lacks, or the dtypes it has. */
export function wantedFiles(
  repository: string,
  offered: readonly OfferedFile[],
  dtype: Dtype,
  device: Device,
): WantedFiles {
  for (const name of NEEDED) {
    if (!offered.some((file) => file.name === name))
      throw new ModelFileFault(
        `${repository} is no speech recognition model that can be run here: expected ${NEEDED.join(', ')} and graphs under ${GRAPHS}, found no ${name}`,
      );
  }
  const chosen = named(repository, () => chooseGraphs(graphNames(offered), dtype, device));
  const graphs = [chosen.encoder, chosen.decoder];
  // Graphs past 2 GiB keep their weights beside them: NAME.onnx_data, NAME.onnx_data_1, …
  const isGraph = (name: string): boolean =>
    graphs.some((graph) => {
      const prefix = GRAPHS + graph;
      return name === prefix || (name.startsWith(prefix) && /^[._]data(_\d+)?$/.test(name.slice(prefix.length)));
    });
  const files = [...NEEDED, ...USEFUL]
    .flatMap((name) => offered.filter((file) => file.name === name))
    .concat(offered.filter((file) => isGraph(file.name)));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > MOST_BYTES)
    throw new ModelFileFault(`${repository} would take ${String(bytes)} bytes: expected at most ${String(MOST_BYTES)}`);
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
