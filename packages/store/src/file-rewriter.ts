import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@murmuration/runtime';
import type { Redis as Server } from 'ioredis';
import { mastersOf, type Redis } from './connections.js';
import { CONTENT_PATTERN, PREFIX, REWRITE_KEYS } from './keys.js';
import { Turn } from './turn.js';

const PAGE = 1_000;
/** Rewriting takes this share of the time at most, however much there is to write. */
const REWRITE_SHARE = 1 / 3;
const ASK_EVERY_MS = 100;

/**
 * Makes what was deleted, or has expired, leave Redis' append-only file too: that keeps every command until it is rewritten, and Redis
 * by itself does that only once the file has doubled. Any number of nodes may have one; one of them looks at a time.
 *
 * In a Cluster each master has keys and a file of its own; they are looked at one after the other. A look goes over all keys, which also makes Redis drop those that have expired. The file is rewritten when the keys that hold clients' things
 * are others than at the last rewrite, or a job or live session has begun since: then something may have gone. A cluster at rest rewrites nothing.
 */
export class FileRewriter {
  readonly #redis: Redis;
  readonly #logger: Logger;
  readonly #turn: Turn;
  readonly #everyMs: number;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;
  #warned = false;
  #closed = false;

  /** The connection stays the caller's. @param everyMs between two looks of all nodes */
  constructor(redis: Redis, logger: Logger, everyMs: number) {
    this.#redis = redis;
    this.#logger = logger;
    this.#turn = new Turn(redis, REWRITE_KEYS.turn);
    this.#everyMs = everyMs;
    this.#timer = setInterval(() => {
      this.#tick();
    }, everyMs / 2);
    this.#timer.unref();
  }

  /** Resolves when the look in progress is over. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  #tick(): void {
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        // A Redis of somebody else may forbid it; another node, or another day, may do better.
        if (!this.#warned)
          this.#logger.warn(
            { reason: error instanceof Error ? error.message : String(error) },
            'cannot rewrite the append-only file of Redis: what is deleted stays in it until Redis does so by itself; trying again',
          );
        this.#warned = true;
      })
      .finally(() => {
        this.#looking = null;
      });
  }

  async #look(): Promise<void> {
    if (!(await this.#turn.take())) return;
    let rewritingMs = 0;
    try {
      const seen = (await this.#redis.get(REWRITE_KEYS.seen))?.split('\n') ?? [];
      const begun = (await this.#redis.get(REWRITE_KEYS.begun)) ?? '0';
      const there: string[] = [];
      for (const server of mastersOf(this.#redis)) {
        const figure = await figuresOf(server);
        if (figure('aof_enabled') !== '1') continue;
        // Another run of a server, or another master after a failover, has another file.
        const line = [figure('run_id'), begun, await this.#keysOf(server)].join(' ');
        there.push(line);
        if (seen.includes(line)) continue;
        const startedMs = performance.now();
        if (!(await this.#rewrite(server))) return;
        rewritingMs += performance.now() - startedMs;
      }
      if (rewritingMs > 0) await this.#redis.set(REWRITE_KEYS.seen, there.join('\n'));
      this.#warned = false;
    } finally {
      await this.#turn.pass(Math.round(Math.max(this.#everyMs * 0.4, rewritingMs / REWRITE_SHARE)));
    }
  }

  /** True when the file was rewritten. Throws when Redis will not or cannot. */
  async #rewrite(server: Server): Promise<boolean> {
    // One that has begun before may hold what has gone since.
    await this.#untilIdle(server);
    await server.bgrewriteaof();
    const figure = await this.#untilIdle(server);
    if (this.#closed) return false;
    const status = figure('aof_last_bgrewrite_status');
    if (status !== 'ok') throw new Error(`the rewrite ended as ${status}`);
    return true;
  }

  /** Resolves with the figures of when no rewrite is under way or planned, or when this is closed. */
  async #untilIdle(server: Server): Promise<(name: string) => string> {
    for (;;) {
      const figure = await figuresOf(server);
      if (this.#closed || (figure('aof_rewrite_in_progress') === '0' && figure('aof_rewrite_scheduled') === '0'))
        return figure;
      await pause(ASK_EVERY_MS);
      await this.#turn.hold();
    }
  }

  /** Tells one set of keys from another. */
  async #keysOf(server: Server): Promise<string> {
    let [cursor, count, sum] = ['0', 0, 0];
    do {
      const [next, keys] = await server.scan(cursor, 'MATCH', CONTENT_PATTERN, 'COUNT', PAGE);
      for (const key of keys) {
        // Who settles a job comes and goes.
        if (key.endsWith(':settling')) continue;
        count++;
        sum = (sum + hashOf(key)) >>> 0;
      }
      cursor = next;
      await this.#turn.hold();
    } while (cursor !== '0');
    return `${String(count)} ${String(sum)}`;
  }
}

async function figuresOf(server: Server): Promise<(name: string) => string> {
  const info = await server.info();
  return (name) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? '';
}

/** FNV-1a, 32 bits, of what tells keys apart. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = PREFIX.length; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
