import type { Redis } from './connections.js';
import { usageKey } from './keys.js';
import { loadScript, pipelined, redisNowMs, runLua } from './redis-commands.js';

const addUsage = loadScript('add-usage');

/** Days that are kept: this month and the one before are whole. */
const KEEP_DAYS = 62;
const DAY_MS = 86_400_000;

/** What was used over some time. */
export interface Used {
  /** Requests and jobs whose recording was taken in. */
  readonly recordings: number;
  /** Audio of these, milliseconds. */
  readonly recordedMs: number;
  readonly liveSessions: number;
  /** Audio of live sessions, milliseconds. */
  readonly liveMs: number;
}

/** What an owner has used, by the calendar in UTC. */
export interface OwnerUsage {
  readonly today: Used;
  readonly month: Used;
  readonly lastMonth: Used;
  /** Days of these months on which something was used, newest first; `day` as 2027-01-31. */
  readonly days: readonly (Used & { readonly day: string })[];
  /** Milliseconds until the next month begins. */
  readonly monthLeftMs: number;
}

const COUNTS = ['recordings', 'recordedMs', 'liveSessions', 'liveMs'] as const satisfies readonly (keyof Used)[];

/** What each owner has used, a day at a time. All times are Redis' own. */
export class UsageStore {
  readonly #redis: Redis;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Adds to what the owner has used today; whole milliseconds. */
  async add(owner: string, used: Used): Promise<void> {
    const counts = COUNTS.flatMap((what) => (used[what] === 0 ? [] : [what, Math.round(used[what])]));
    await runLua(this.#redis, addUsage, [usageKey(owner)], [KEEP_DAYS, ...counts]);
  }

  /** What each of the owners has used, in their order. */
  async read(owners: readonly string[]): Promise<OwnerUsage[]> {
    const nowMs = await redisNowMs(this.#redis);
    const hashes = (await pipelined(
      this.#redis,
      owners.map((owner) => ['hgetall', usageKey(owner)]),
    )) as (Readonly<Record<string, string>> | readonly string[])[];
    return hashes.map((hash) => usageOf(fieldsOf(hash), nowMs));
  }
}

/** A Cluster answers the fields as a list. */
function fieldsOf(hash: Readonly<Record<string, string>> | readonly string[]): (readonly [string, string])[] {
  if (!Array.isArray(hash)) return Object.entries(hash as Readonly<Record<string, string>>);
  const list = hash as readonly string[];
  return list.flatMap((field, at) => (at % 2 === 0 ? [[field, list[at + 1] ?? '0'] as const] : []));
}

/** @param fields `<day>:<what>` and its count @param nowMs Unix milliseconds */
export function usageOf(fields: Iterable<readonly [string, string]>, nowMs: number): OwnerUsage {
  const byDay = new Map<number, Used>();
  for (const [field, count] of fields) {
    const [day, what] = field.split(':');
    if (what === undefined) continue;
    byDay.set(Number(day), { ...(byDay.get(Number(day)) ?? sumOf([])), [what]: Number(count) });
  }
  const now = new Date(nowMs);
  const monthStart = (after: number): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + after) / DAY_MS;
  const [lastMonth, month, nextMonth] = [monthStart(-1), monthStart(0), monthStart(1)];
  const days = [...byDay].filter(([day]) => day >= lastMonth).sort(([a], [b]) => b - a);
  const between = (from: number, to: number): Used =>
    sumOf(days.flatMap(([day, used]) => (day >= from && day < to ? [used] : [])));
  return {
    today: byDay.get(Math.floor(nowMs / DAY_MS)) ?? sumOf([]),
    month: between(month, nextMonth),
    lastMonth: between(lastMonth, month),
    days: days.map(([day, used]) => ({ day: new Date(day * DAY_MS).toISOString().slice(0, 10), ...used })),
    monthLeftMs: nextMonth * DAY_MS - nowMs,
  };
}

function sumOf(all: readonly Used[]): Used {
  const sum = (what: keyof Used): number => all.reduce((total, used) => total + used[what], 0);
  return {
    recordings: sum('recordings'),
    recordedMs: sum('recordedMs'),
    liveSessions: sum('liveSessions'),
    liveMs: sum('liveMs'),
  };
}
