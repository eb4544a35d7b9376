import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import {
  formatKeyFile,
  KeyFileError,
  keyNameSchema,
  monthlyAudioSchema,
  parseKeyFile,
  readKeyFile,
  scopesSchema,
  Unreadable,
  weightSchema,
  type KeyEntry,
} from './key-entry.js';
import { SCOPES, type Scope } from './principal.js';
import { hashOf, newKey } from './secret.js';

/** What a new key may do when nothing is said: everything but to administer. */
export const DEFAULT_SCOPES: readonly Scope[] = ['transcribe', 'jobs', 'read'];

export interface NewKey {
  readonly name: string;
  /** Names of scopes; `DEFAULT_SCOPES` when unset. */
  readonly scopes?: readonly string[];
  readonly weight?: number;
  /** Audio that the name may use in a calendar month, seconds; as much as it likes when unset. */
  readonly monthlyAudioSeconds?: number;
  /** `90d`, `12h`, `30m`, or a time such as 2027-01-31T00:00:00Z; never when unset. */
  readonly expires?: string;
}

/** A key with what the file knows of it. `usable`, or why not. */
export interface KeyListing {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly weight: number;
  readonly monthlyAudioSeconds: number | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly state: 'usable' | 'expired' | 'revoked';
}

/**
 * Makes a key and adds it to the file, which is made when it is not there. The key itself is in the answer and nowhere else.
 * Throws `KeyFileError`, a sentence for the operator.
 */
export async function createKey(
  path: string,
  wanted: NewKey,
  nowMs = Date.now(),
): Promise<{ readonly key: string; readonly entry: KeyEntry }> {
  const key = newKey();
  const entry: KeyEntry = {
    name: checked('The name', keyNameSchema.safeParse(wanted.name)),
    id: `key-${randomBytes(6).toString('hex')}`,
    sha256: hashOf(key).toString('hex'),
    scopes: checked(
      '--scopes',
      scopesSchema.safeParse([...new Set(wanted.scopes ?? DEFAULT_SCOPES)]),
      ` The scopes are ${SCOPES.join(', ')}.`,
    ),
    weight: checked('--weight', weightSchema.safeParse(wanted.weight ?? 1)),
    ...(wanted.monthlyAudioSeconds === undefined
      ? {}
      : {
          monthly_audio_seconds: checked('The monthly audio', monthlyAudioSchema.safeParse(wanted.monthlyAudioSeconds)),
        }),
    created_at: new Date(nowMs).toISOString(),
    ...(wanted.expires === undefined ? {} : { expires_at: new Date(expiryMs(wanted.expires, nowMs)).toISOString() }),
  };
  await change(path, true, (entries) => [...entries, entry]);
  return { key, entry };
}

/** The keys of the file in its order; none of them can be told from it. Throws `KeyFileError`. */
export async function listKeys(path: string, nowMs = Date.now()): Promise<KeyListing[]> {
  return parseKeyFile(await readKeyFile(path)).map((entry) => ({
    id: entry.id,
    name: entry.name,
    scopes: entry.scopes,
    weight: entry.weight,
    monthlyAudioSeconds: entry.monthly_audio_seconds ?? null,
    createdAt: entry.created_at,
    expiresAt: entry.expires_at ?? null,
    state:
      entry.revoked === true
        ? 'revoked'
        : entry.expires_at !== undefined && nowMs >= Date.parse(entry.expires_at)
          ? 'expired'
          : 'usable',
  }));
}

/** Revokes a key; services refuse it within seconds. It stays in the file, so that its id is not forgotten. Revoking it again changes nothing. Throws `KeyFileError`. */
export async function revokeKey(path: string, id: string): Promise<KeyEntry> {
  const entries = await change(path, false, (before) => {
    if (!before.some((entry) => entry.id === id))
      throw new KeyFileError('No key of the file has this id. List them with: murmur keys list');
    return before.map((entry) => (entry.id === id ? { ...entry, revoked: true } : entry));
  });
  const revoked = entries.find((entry) => entry.id === id);
  if (revoked === undefined) throw new KeyFileError('No key of the file has this id.');
  return revoked;
}

/**
 * Replaces the file in one step. The new file, made for its writer alone, is also the lock: two changes at once cannot lose one.
 * Readable by its owner only (0600).
 */
async function change(path: string, create: boolean, edit: (entries: KeyEntry[]) => KeyEntry[]): Promise<KeyEntry[]> {
  const target = await realpath(path).catch(leaveAlone('unreadable', path));
  const fresh = `${target}.new`;
  const file = await open(fresh, 'wx', 0o600).catch((error: unknown) => {
    throw cannotWrite(error);
  });
  try {
    const entries = edit(await present(target, create));
    await file.writeFile(formatKeyFile(entries));
    await file.chmod(0o600);
    await file.sync();
    await file.close();
    await rename(fresh, target);
    return entries;
  } catch (error) {
    await file.close().catch(leaveAlone('best_effort'));
    await rm(fresh, { force: true });
    throw error instanceof KeyFileError ? error : cannotWrite(error);
  }
}

async function present(path: string, create: boolean): Promise<KeyEntry[]> {
  const text = await readKeyFile(path).catch((error: unknown) => {
    if (create && error instanceof Unreadable && error.missing) return '[]';
    throw error;
  });
  return parseKeyFile(text);
}

function cannotWrite(error: unknown): KeyFileError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  if (code === 'EEXIST')
    return new KeyFileError(
      'Another change of the file of keys is under way. If none is, remove the file of the same name that ends in .new.',
    );
  return new KeyFileError(`The file of keys cannot be written (${code}).`);
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 24 * 3_600_000, w: 7 * 24 * 3_600_000 };
const LONGEST_MS = 100 * 366 * 24 * 3_600_000;

/** Unix milliseconds of an expiry. Throws `KeyFileError` when it cannot be read, has passed or is more than a hundred years away. */
function expiryMs(text: string, nowMs: number): number {
  const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const atMs =
    count === undefined || unit === undefined
      ? Date.parse(/^\d{4}-\d{2}-\d{2}/.test(text) ? text : '')
      : nowMs + Number(count) * (UNIT_MS[unit] ?? 0);
  if (!(atMs > nowMs && atMs < nowMs + LONGEST_MS))
    throw new KeyFileError('--expires must be a time to come: 30m, 12h, 90d, 52w, or 2027-01-31T00:00:00Z.');
  return atMs;
}

function checked<T>(
  what: string,
  result: { success: true; data: T } | { success: false; error: { issues: readonly { readonly message: string }[] } },
  more = '',
): T {
  if (result.success) return result.data;
  throw new KeyFileError(`${what} ${result.error.issues[0]?.message ?? 'is not usable'}.${more}`);
}
