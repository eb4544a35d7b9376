import { z } from 'zod';
import type { HubReference } from '../hub-models.js';
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
  siblings: z.array(z.object({
    rfilename: z.string(),
    size: z.number().int().nonnegative().nullish(),
    blobId: z.string().regex(/^[0-9a-f]{40}$/).nullish(),
    lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() }).nullish(),
  })),
});

// Names become paths here: nothing may lead out of the folder.
const SAFE_NAME = /^(?:[\w-][\w.-]*\/){0,4}[\w-][\w.-]*$/;

/** Asks the hub what a model's revision holds. Files of other names than models have are left out. Throws `HubFault` or `ModelFileFault`. */
export async function listModel(client: HubClient, { repository, revision }: HubReference): Promise<HubListing> {
  const answer = answerSchema.safeParse(await client.json(`api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`, `the model ${repository}`));
  if (!answer.success) throw new HubFault(`${client.host} describes the model ${repository} in a form that is not the hub's: ${z.prettifyError(answer.error)}`);
  const files = answer.data.siblings.flatMap(({ rfilename, size, blobId, lfs }): OfferedFile[] => {
    const bytes = lfs?.size ?? size;
    // What has no stated size cannot be bounded.
    if (!SAFE_NAME.test(rfilename) || bytes === null || bytes === undefined) return [];
    return [{ name: rfilename, bytes, sha256: lfs?.sha256 ?? null, blobSha1: lfs === null || lfs === undefined ? blobId ?? null : null }];
  });
  return { commit: answer.data.sha, files };
}
