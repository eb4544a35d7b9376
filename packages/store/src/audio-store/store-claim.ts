import { randomUUID } from 'node:crypto';
import { mkdir, rmdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { AudioStoreSettings } from '@murmuration/runtime';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { Redis } from '../connections.js';
import { AUDIO_STORE_KEYS } from '../keys.js';
import { loadScript, runLua } from '../redis-commands.js';

const claimAudioStore = loadScript('claim-audio-store');

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
      this.check().catch(leaveAlone('repeated'));
    }, RENEW_EVERY_MS);
    this.#timer.unref();
  }

  /** Records the store, or renews it. Throws `StoreMismatch`, what Redis throws, and what making the folder throws. */
  async check(): Promise<void> {
    // A Redis that is full answers, though it takes no renewal: the store stays usable.
    const known = await this.#redis.get(AUDIO_STORE_KEYS.store);
    if (known !== null && (await this.#fits(known))) {
      await this.#use(known);
      await this.#redis.set(AUDIO_STORE_KEYS.seen, '1', 'PX', SEEN_MS).catch(leaveAlone('repeated'));
      return;
    }
    const mine = `${this.#settings.kind} ${randomUUID()}`;
    // Made before it is recorded: a service that finds the record at once finds the folder, too.
    await this.#make(mine);
    const recorded = (await runLua(
      this.#redis,
      claimAudioStore,
      [AUDIO_STORE_KEYS.store, AUDIO_STORE_KEYS.seen],
      [known ?? '', mine, SEEN_MS],
    )) as string;
    if (recorded !== mine) {
      await this.#unmake(mine);
      if (!(await this.#fits(recorded))) throw new StoreMismatch(this.#sentence(recorded));
    }
    await this.#use(recorded);
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
    if (record.split(' ')[0] !== this.#settings.kind) return false;
    const folder = this.#folderOf(record);
    return folder === null || (await stat(folder).catch(leaveAlone('unreadable', null)))?.isDirectory() === true;
  }

  async #use(record: string): Promise<void> {
    const folder = await this.#make(record);
    if (folder === null) return;
    // The time of change tells a cluster that lives from one whose audio is left over.
    const now = new Date();
    await utimes(folder, now, now);
    this.#folder = folder;
  }

  /** The folder of a record; null where the store is none. */
  async #make(record: string): Promise<string | null> {
    const folder = this.#folderOf(record);
    if (folder !== null) await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    return folder;
  }

  /** Takes a folder away that another service was quicker to name. */
  async #unmake(record: string): Promise<void> {
    const folder = this.#folderOf(record);
    if (folder !== null) await rmdir(folder).catch(leaveAlone('best_effort'));
  }

  #folderOf(record: string): string | null {
    return this.#settings.kind === 'directory' ? join(this.#settings.dir, record.split(' ')[1] ?? '') : null;
  }

  #sentence(record: string): string {
    const [kind = ''] = record.split(' ');
    const wait = 'After a change of all services, start them a minute after the last one has ended.';
    if (kind !== this.#settings.kind)
      return `AUDIO_STORE: it is ${this.#settings.kind} here and ${kind} on the other services of this Redis. Set the same on all. ${wait}`;
    return `AUDIO_STORE_DIR: the other services of this Redis keep audio in another folder than this one. Set the same folder on all services of this machine; services on several machines need a volume that all see, or AUDIO_STORE=redis or s3. ${wait}`;
  }
}
