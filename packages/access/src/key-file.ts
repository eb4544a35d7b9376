import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '@murmuration/runtime';
import { parseKeyFile, readKeyFile, Unreadable } from './key-entry.js';
import { KeyRing } from './key-ring.js';

export interface KeyFileOptions {
  readonly path: string;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** The file is read at least this often, milliseconds; default 2,000, so that a revoked key ends within five seconds even where changes of files are not reported. */
  readonly pollMs?: number;
  /** False leaves it to reading alone, without waiting for the system to tell of changes. */
  readonly watch?: boolean;
}

const POLL_MS = 2_000;
/** A change is read this long after it was told of: editors write in several steps. */
const SETTLE_MS = 50;

/**
 * The keys in a file, read again when it changes.
 *
 * good (the keys are the file's) --new text, usable--> good, with the new keys
 * good --new text that is not usable, or the file is gone--> stale (the keys stay; logged once a text) --usable text--> good
 * any --`close`--> closed (the keys stay as they are)
 */
export class KeyFile {
  readonly #options: KeyFileOptions;
  #ring: KeyRing;
  /** Text of the last reading, or the reason why there was none. */
  #seen: string;
  #stale = false;
  #reading: Promise<void> | null = null;
  #again = false;
  #closed = false;
  #settle: NodeJS.Timeout | null = null;
  readonly #poll: NodeJS.Timeout;
  readonly #watcher: FSWatcher | null;

  private constructor(options: KeyFileOptions, text: string) {
    this.#options = options;
    this.#ring = new KeyRing(parseKeyFile(text));
    this.#seen = text;
    this.#poll = setInterval(() => {
      void this.reread();
    }, options.pollMs ?? POLL_MS);
    this.#watcher = options.watch === false ? null : this.#watch();
  }

  /** Reads the file for the first time. Throws `KeyFileError` when it cannot be read or used. */
  static async open(options: KeyFileOptions): Promise<KeyFile> {
    const keys = new KeyFile(options, await readKeyFile(options.path));
    options.logger.info({ keys: keys.ring.size }, 'keys read');
    return keys;
  }

  /** The keys as they are now. */
  get ring(): KeyRing {
    return this.#ring;
  }

  /** Reads the file now; never throws. Calls that come while it is read make for one more reading. */
  async reread(): Promise<void> {
    if (this.#reading !== null) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#rereadAll().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    if (this.#settle !== null) clearTimeout(this.#settle);
    this.#watcher?.close();
  }

  async #rereadAll(): Promise<void> {
    do {
      this.#again = false;
      await this.#rereadOnce();
    } while (this.#wantedAgain());
  }

  #wantedAgain(): boolean {
    return this.#again && !this.#closed;
  }

  async #rereadOnce(): Promise<void> {
    try {
      const text = await readKeyFile(this.#options.path);
      if (this.#closed || text === this.#seen) return;
      this.#seen = text;
      this.#ring = new KeyRing(parseKeyFile(text));
      this.#stale = false;
      this.#options.logger.info({ keys: this.#ring.size }, 'keys read again');
    } catch (error) {
      this.#keepOld(error);
    }
  }

  #keepOld(error: unknown): void {
    const reason = error instanceof Error ? error.message : 'unknown';
    if (error instanceof Unreadable) {
      if (this.#stale && this.#seen === reason) return;
      this.#seen = reason;
    }
    this.#stale = true;
    this.#options.logger.error({ reason }, 'the new file of keys is not used; the old keys stay');
  }

  /** The folder is watched, not the file: files are replaced, and mounted secrets are links that change. */
  #watch(): FSWatcher | null {
    try {
      const watcher = watch(dirname(this.#options.path), { persistent: false }, () => {
        this.#settle ??= setTimeout(() => {
          this.#settle = null;
          void this.reread();
        }, SETTLE_MS);
      });
      // Reading by the clock goes on without it.
      watcher.on('error', () => {
        watcher.close();
      });
      return watcher;
    } catch {
      return null;
    }
  }
}
