import { open } from 'node:fs/promises';
import { z } from 'zod';
import { scopeSchema } from './principal.js';

/** A file of keys that cannot be used, or a change of it that cannot be made. The message is a sentence for an operator and holds no value of the file but names and ids. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

/** Largest file of keys that is read, bytes. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** The file is not there, too large or not readable, as opposed to: not usable. */
export class Unreadable extends KeyFileError {
  /** True when there is no such file. */
  readonly missing: boolean;

  constructor(message: string, missing: boolean) {
    super(message);
    this.missing = missing;
  }
}

/** Text of a file of keys. Throws `Unreadable`; the message holds no path. */
export async function readKeyFile(path: string): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES)
      throw new Unreadable(`The file of keys is larger than ${String(MAX_FILE_BYTES)} bytes.`, false);
    // A file that grows meanwhile is read no further than it was long.
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await file.read(buffer, 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new Unreadable(`The file of keys cannot be read (${code}).`, code === 'ENOENT');
  } finally {
    await file?.close();
  }
}

/** What a file of keys may hold at most. */
const MAX_KEYS = 10_000;

const timeSchema = z.iso.datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' });

/** A key's name: what its jobs belong to. */
export const keyNameSchema = z.string().regex(/^[\w.@-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ @ -');
export const weightSchema = z
  .number({ error: 'must be a number' })
  .positive('must be above 0')
  .max(1_000, 'must be at most 1000');
export const scopesSchema = z
  .array(scopeSchema, { error: 'must be a list of scopes' })
  .min(1, 'must name at least one scope');

export const monthlyAudioSchema = z
  .number({ error: 'must be a number of seconds' })
  .positive('must be above 0')
  .max(1e12, 'must be at most 10^12');

/** A key as the file holds it. */
export const keyEntrySchema = z.strictObject({
  /** Several keys of one name may be valid at once: so a key is rotated without a gap. */
  name: keyNameSchema,
  id: z.string({ error: 'must be text' }).regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ -'),
  /** SHA-256 of the key's text, hexadecimal. */
  sha256: z.string({ error: 'must be text' }).regex(/^[0-9a-fA-F]{64}$/, 'must be a SHA-256 in 64 hexadecimal digits'),
  scopes: scopesSchema,
  weight: weightSchema.default(1),
  /** Audio that the name may use in a calendar month (UTC), seconds. */
  monthly_audio_seconds: monthlyAudioSchema.exactOptional(),
  created_at: timeSchema,
  expires_at: timeSchema.exactOptional(),
  revoked: z.boolean({ error: 'must be true or false' }).exactOptional(),
  /** Signs this key's webhooks in place of WEBHOOK_SECRET. */
  webhook_secret: z
    .string({ error: 'must be text' })
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'must be whsec_ and 24 to 64 bytes in base64')
    .exactOptional(),
});
export type KeyEntry = z.infer<typeof keyEntrySchema>;

/** Reads the text of a file of keys. Throws `KeyFileError` that names the first entry at fault and its field. */
export function parseKeyFile(text: string): KeyEntry[] {
  const list = parseList(text);
  if (list.length > MAX_KEYS) throw new KeyFileError(`The file of keys has more than ${String(MAX_KEYS)} entries.`);
  const entries = list.map((item, index) => {
    const result = keyEntrySchema.safeParse(item);
    if (result.success) return result.data;
    throw new KeyFileError(`The file of keys cannot be used: ${called(item, index)}: ${faults(result.error)}.`);
  });
  refuseDuplicates(entries);
  return entries;
}

/** The file's text for these entries. */
export function formatKeyFile(entries: readonly KeyEntry[]): string {
  return `${JSON.stringify(entries, null, 2)}\n`;
}

function parseList(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new KeyFileError('The file of keys cannot be used: it is not JSON.');
  }
  if (!Array.isArray(value)) throw new KeyFileError('The file of keys cannot be used: it must be a list of keys.');
  return value;
}

/** How an entry is named in a message: by its place, and by its name and id where those are sane. */
function called(item: unknown, index: number): string {
  const named = z
    .object({
      name: keyNameSchema.optional().catch(undefined),
      id: keyEntrySchema.shape.id.optional().catch(undefined),
    })
    .safeParse(item).data;
  const names = [named?.name, named?.id].filter((text) => text !== undefined).join(', ');
  return `entry ${String(index + 1)}${names === '' ? '' : ` (${names})`}`;
}

function faults(error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      // What is no name of a field may be a secret in the wrong place.
      if (issue.code === 'unrecognized_keys')
        return `unknown field ${issue.keys.map((name) => (/^[a-z0-9_]{1,32}$/i.test(name) ? name : '(no name)')).join(', ')}`;
      return issue.path.length === 0 ? 'must be an object' : `${issue.path.map(String).join('.')} ${issue.message}`;
    })
    .join('; ');
}

function refuseDuplicates(entries: readonly KeyEntry[]): void {
  const ids = new Set<string>();
  const hashes = new Set<string>();
  entries.forEach((entry, index) => {
    const at = `The file of keys cannot be used: ${called(entry, index)}:`;
    if (ids.has(entry.id)) throw new KeyFileError(`${at} its id is there twice.`);
    if (hashes.has(entry.sha256.toLowerCase())) throw new KeyFileError(`${at} its key is there twice.`);
    ids.add(entry.id);
    hashes.add(entry.sha256.toLowerCase());
  });
}
