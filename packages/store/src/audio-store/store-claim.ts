import { randomUUID } from 'node:crypto';
import { mkdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { AudioStoreSettings } from '@murmuration/runtime';
import type { Redis } from '../connections.js';
import { AUDIO_STORE_KEYS } from '../keys.js';
import { transacted } from '../pipelined.js';

/** A service says this often that it uses its store, milliseconds. */
const RENEW_EVERY_MS = 20_000;
/** Services that have not said so for this long have ended: another store may take over, milliseconds. */
const SEEN_MS = 60_000;
/** Nobody but the user that the services run as reads recordings. */
const FOLDER_MODE = 0o700;

/** Thrown when this service's audio store is not the one that the running services of its cluster use. The message is for the operator. */
export class StoreMismatch extends Error {
  override readonly name = 'StoreMismatch';
}

/**
 * Which audio store a cluster uses, as its Redis knows it: the kind, and for a folder the name of the cluster's own folder in it, so that two clusters
 * may be given one folder and a service that looks at another folder is told so.
 *
 * none --first service--> recorded --services renew--> recorded --nobody renews for a minute--> free for another store
 */
export class StoreClaim {
  readonly #redis: Redis;
  readonly #settings: AudioStoreSettings;
  readonly #timer: NodeJS.Timeout;
  #folder: string | null = null;

  /** The connection stays the caller's. */
  constructor(redis: Redis, settings: AudioStoreSettings) {
    this.#redis = redis;
    this.#settings = settings;
    // Without Redis nothing is stored either; the next renewal, or the next chunk, checks again.
    this.#timer = setInterval(() => {
      this.check().catch(() => undefined);
    }, RENEW_EVERY_MS);
    this.#timer.unref();
  }

  /** Records the store, or renews it. Throws `StoreMismatch`, what Redis throws, and what making the folder throws. */
  async check(): Promise<void> {
    // A Redis that is full answers, though it takes no renewal: the store stays usable.
    const known = await this.#redis.get(AUDIO_STORE_KEYS.store);
    if (known !== null && (await this.#fits(known))) {
      await this.#use(known);
      await this.#redis.set(AUDIO_STORE_KEYS.seen, '1', 'PX', SEEN_MS).catch(() => undefined);
      return;
    }
    const mine = `${this.#settings.kind} ${randomUUID()}`;
    const [, recorded, seen] = (await transacted(
      this.#redis
        .multi()
        .set(AUDIO_STORE_KEYS.store, mine, 'NX')
        .get(AUDIO_STORE_KEYS.store)
        .exists(AUDIO_STORE_KEYS.seen)
        .set(AUDIO_STORE_KEYS.seen, '1', 'PX', SEEN_MS, 'NX'),
    )) as [unknown, string, number, unknown];
    const fits = recorded === mine || (await this.#fits(recorded));
    if (!fits && seen === 1) throw new StoreMismatch(this.#sentence(recorded));
    if (!fits) await this.#redis.set(AUDIO_STORE_KEYS.store, mine);
    await this.#use(fits ? recorded : mine);
  }

  /** The cluster's own folder. Only for a store of kind `directory`; throws as `check`. */
  async folder(): Promise<string> {
    if (this.#folder === null) await this.check();
    if (this.#folder === null) throw new Error('the audio store has no folder');
    return this.#folder;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #fits(record: string): Promise<boolean> {
    const [kind = '', id = ''] = record.split(' ');
    if (kind !== this.#settings.kind) return false;
    return (
      this.#settings.kind !== 'directory' ||
      (await stat(join(this.#settings.dir, id)).catch(() => null))?.isDirectory() === true
    );
  }

  async #use(record: string): Promise<void> {
    if (this.#settings.kind !== 'directory') return;
    const folder = join(this.#settings.dir, record.split(' ')[1] ?? '');
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    // The time of change tells a cluster that lives from one whose audio is left over.
    const now = new Date();
    await utimes(folder, now, now);
    this.#folder = folder;
  }

  #sentence(record: string): string {
    const [kind = ''] = record.split(' ');
    const wait = 'After a change of all services, start them a minute after the last one has ended.';
    if (kind !== this.#settings.kind)
      return `AUDIO_STORE: it is ${this.#settings.kind} here and ${kind} on the other services of this Redis. Set the same on all. ${wait}`;
    return `AUDIO_STORE_DIR: the other services of this Redis keep audio in another folder than this one. Set the same folder on all services of this machine; services on several machines need a volume that all see, or AUDIO_STORE=redis or s3. ${wait}`;
  }
}
