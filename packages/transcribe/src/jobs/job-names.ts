import { createHash } from 'node:crypto';
import type { Reach } from '@murmuration/access';
import type { JobId } from '@murmuration/contracts';
import type { JobManifest } from '@murmuration/store';

/** First bits of the last half of a UUID (RFC 9562, 4.1). */
const VARIANT = 0x80;
/** Version 8, whose other bits are the maker's: the ids that this service draws are of version 4, so the two never meet. */
const VERSION = 0x80;

/**
 * The id under which a job is stored that a client names `id`. Names belong to an owner: two owners may use the same one, and neither learns of the other's job.
 * An administrator sees every job, so its names are stored as they are.
 */
export function storedIdOf(id: string, whose: Reach): JobId {
  if (whose === 'everybody') return id;
  const bytes = createHash('sha256').update(`${id} ${whose.owner}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | VERSION, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | VARIANT, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The id by which a job is known to who sees it: its name to its owner, the stored id, which no two jobs share, to an administrator. */
export function idSeenBy(whose: Reach, { id, name }: Pick<JobManifest, 'id' | 'name'>): string {
  return whose === 'everybody' ? id : (name ?? id);
}
