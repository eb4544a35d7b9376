import { AsrError, type LiveEnd, type LiveState, type LiveSummary } from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { CANCELLED_CHANNEL, LIVE_CLOCK, LIVE_SESSIONS, REWRITE_KEYS, liveItemKeys, liveKeys } from '../keys.js';
import { loadScript, redisNowMs, runLua } from '../redis-commands.js';
import { ticketsOf } from '../work/held-items.js';
import type { TicketPlace } from '../work/ticket-queue.js';
import { changeAnswerOf, changeText, type ChangeAnswer, type ChangeReply, type LiveChange } from './live-change.js';
import { readLivePcm, type LivePcm } from './live-pcm.js';
import {
  SUMMARY_FIELDS,
  fieldsOf,
  ownerOf,
  recordOf,
  summaryOf,
  type LiveOwner,
  type LiveRecord,
  type NewLive,
} from './live-record.js';

const createLive = loadScript('create-live');
const takeLive = loadScript('take-live');
const changeLive = loadScript('change-live');
const renewLive = loadScript('renew-live');
const releaseLive = loadScript('release-live');
const tellLive = loadScript('tell-live');
const closeLive = loadScript('close-live');
const eraseLive = loadScript('erase-live');
const leaseLive = loadScript('lease-live');
const overdueLive = loadScript('overdue-live');

/** What a session is for the owner that renews it; `gone`: closed; `absent`: the store has none; `behind`: the store has lost what it took. */
export type RenewAnswer = 'lost' | 'gone' | 'absent' | 'behind' | { readonly pendingSamples: number };

/** Who may take a session over. */
export interface LiveClaim {
  /** SHA-256 of the token; null for a relay that finishes an orphan. */
  readonly tokenHash: string | null;
  /** Whose it must be; left out for an orphan. */
  readonly owner?: string | null;
  /** Epoch that it must have; left out for a client, who may always take its own. */
  readonly epoch?: number;
  /** True where it is taken in order to finish it. Such attempts are counted: after the last the session is closed, with an error. */
  readonly toFinish?: boolean;
  readonly relay: string;
  /** Random id of the new owner. */
  readonly holder: string;
}

/** Milliseconds. */
export interface LiveTimes {
  /** Life of a session's keys without renewal. */
  readonly keepMs: number;
  /** How long the events of a closed session stay, for those who come late. */
  readonly closedKeepMs: number;
  /** After so long without renewal any relay may finish the session. Counts while relays reach Redis. */
  readonly leaseMs: number;
}

/** Relays that may die or fail while they finish a session that nobody has. */
const MOST_ATTEMPTS = 3;
const NOT_FINISHED = new AsrError(
  'transcription_failed',
  'The session cannot go on: one relay after another failed with it, or another version of the server began it. What is not final is lost.',
);

/** The last event of a deleted session can be read for this long, milliseconds. */
const ERASED_EVENT_MS = 10_000;

/** Sessions of a list that are read at once. */
const PAGE = 200;

/** Live sessions as their owner (a relay) sees them. Everything that an owner writes says who it is. Throws what Redis throws. */
export class LiveStore {
  readonly #redis: Redis;
  readonly #times: LiveTimes;

  /** The connection stays the caller's. */
  constructor(redis: Redis, times: LiveTimes) {
    this.#redis = redis;
    this.#times = times;
  }

  /** Writes a new session and leases it. Answers when it began, in Unix milliseconds of Redis. */
  async create(session: NewLive): Promise<number> {
    await Promise.all([this.#redis.incr(REWRITE_KEYS.begun), this.lease([session.id])]);
    return (await runLua(
      this.#redis,
      createLive,
      [liveKeys(session.id).session],
      [this.#times.keepMs, ...Object.entries(fieldsOf(session, this.#times.closedKeepMs)).flat()],
    )) as number;
  }

  /** Makes the relay the owner, with a new epoch. Null when there is no such session or the claim does not fit. A closed one is answered as it is. */
  async take(id: string, claim: LiveClaim): Promise<LiveRecord | null> {
    const keys = liveKeys(id);
    const reply = (await runLua(this.#redis, takeLive, all(keys), [
      claim.tokenHash ?? '',
      claim.owner ?? '',
      claim.owner === undefined ? 0 : 1,
      claim.relay,
      claim.holder,
      keys.wake,
      this.#times.keepMs,
      claim.epoch ?? '',
      claim.toFinish === true ? MOST_ATTEMPTS : '',
      JSON.stringify({ error: NOT_FINISHED.toRecord() }),
    ])) as [number, string[]] | null;
    return reply === null ? null : recordOf(id, pairs(reply[1]), reply[0]);
  }

  /** The session as it is stored, or null. */
  async read(id: string): Promise<LiveRecord | null> {
    const [nowMs, fields] = await Promise.all([redisNowMs(this.#redis), this.#redis.hgetall(liveKeys(id).session)]);
    return recordOf(id, fields, nowMs);
  }

  async change(owner: LiveOwner, change: LiveChange): Promise<ChangeAnswer> {
    const keys = liveKeys(owner.id);
    const reply = await runLua(this.#redis, changeLive, all(keys), [
      owner.epoch,
      owner.holder,
      changeText(change, this.#times.keepMs),
      Buffer.from(change.pcm.buffer, change.pcm.byteOffset, change.pcm.byteLength),
      keys.wake,
    ]);
    return changeAnswerOf(reply as ChangeReply);
  }

  /** Keeps the sessions for another while; answers what each is, in order. */
  async renew(sessions: readonly LiveOwner[]): Promise<readonly RenewAnswer[]> {
    const answers = await Promise.all(
      sessions.map(
        ({ id, epoch, holder }) =>
          runLua(this.#redis, renewLive, all(liveKeys(id)), [epoch, holder, this.#times.keepMs]) as Promise<
            [string, string?]
          >,
      ),
    );
    await this.lease(sessions.filter((_, at) => answers[at]?.[0] === 'ok').map(({ id }) => id));
    return answers.map(([outcome, pending]) =>
      outcome === 'ok' ? { pendingSamples: Number(pending) } : (outcome as 'lost' | 'gone' | 'absent' | 'behind'),
    );
  }

  /** Says that somebody looks after the sessions: nobody finishes them before a lease is over. */
  async lease(ids: readonly string[], leaseMs = this.#times.leaseMs): Promise<void> {
    if (ids.length > 0) await runLua(this.#redis, leaseLive, [LIVE_SESSIONS, LIVE_CLOCK], [leaseMs, ...ids]);
  }

  /** The owner lets go; after `graceMs` any relay may finish it. */
  async release({ id, epoch, holder }: LiveOwner, graceMs: number): Promise<void> {
    const released = await runLua(this.#redis, releaseLive, [liveKeys(id).session], [epoch, holder]);
    if (released === 1) await this.lease([id], graceMs);
  }

  /** Tells viewers something that the owner knows. False when it is the owner no more. */
  async tell({ id, epoch, holder }: LiveOwner, type: 'warning' | 'error', body: unknown): Promise<boolean> {
    const keys = liveKeys(id);
    return (
      (await runLua(
        this.#redis,
        tellLive,
        [keys.session, keys.events],
        [epoch, holder, type, JSON.stringify(body), keys.wake],
      )) === 1
    );
  }

  /** Closes at once. */
  async close({ id, epoch, holder }: LiveOwner, end: LiveEnd): Promise<void> {
    const keys = liveKeys(id);
    if ((await runLua(this.#redis, closeLive, all(keys), [epoch, holder, end, keys.wake])) !== 1) return;
    await Promise.all([this.forget(id), this.#redis.publish(CANCELLED_CHANNEL, id)]);
  }

  /** Deletes the session, whoever owns it and whatever its state. Null when there is none; else its tickets, and where they were queued. */
  async erase(id: string): Promise<{ readonly modelSlug: string; readonly tickets: readonly TicketPlace[] } | null> {
    const keys = liveKeys(id);
    const tickets = await this.tickets(id);
    const modelSlug = (await runLua(this.#redis, eraseLive, all(keys), [keys.wake, ERASED_EVENT_MS])) as string | null;
    if (modelSlug === null) return null;
    await Promise.all([this.forget(id), this.#redis.publish(CANCELLED_CHANNEL, id)]);
    return { modelSlug, tickets };
  }

  /** Takes a closed session off the list. */
  async forget(id: string): Promise<void> {
    await this.#redis.zrem(LIVE_SESSIONS, id);
  }

  /** Samples of ended utterances that are not final. */
  async pendingSamples(id: string): Promise<number> {
    return Number(await this.#redis.hget(liveKeys(id).session, 'pending'));
  }

  /** The tickets that the session must have on the queue: the open one, and those under which utterances are held. */
  async tickets(id: string): Promise<TicketPlace[]> {
    return ticketsOf(this.#redis, liveItemKeys(id));
  }

  /** Stored PCM between two positions; silence where it is gone. */
  pcm(id: string, fromSamples: number, toSamples: number): Promise<LivePcm> {
    return readLivePcm(this.#redis, liveKeys(id).pcm, fromSamples, toSamples);
  }

  /** Sessions that nobody has renewed in time, with the epoch that each had then. Closed ones leave the list. */
  async overdue(limit: number): Promise<{ readonly id: string; readonly epoch: number }[]> {
    const listed = await this.#overdueIds(limit);
    if (listed.length === 0) return [];
    const found = await Promise.all(
      listed.map(async (id) => ({ id, values: await this.#redis.hmget(liveKeys(id).session, 'state', 'epoch') })),
    );
    const closed = found.filter(({ values: [state] }) => typeof state !== 'string' || state === 'closed');
    await Promise.all(closed.map(({ id }) => this.forget(id)));
    // Who takes a session over leases it first: one that is overdue still is nobody's in the epoch that was read before.
    const overdue = new Set(await this.#overdueIds(limit));
    return found.flatMap(({ id, values: [, epoch] }) => (overdue.has(id) ? [{ id, epoch: Number(epoch) }] : []));
  }

  async #overdueIds(limit: number): Promise<string[]> {
    return (await runLua(this.#redis, overdueLive, [LIVE_SESSIONS, LIVE_CLOCK], [limit])) as string[];
  }

  /** Whose a session is, and what its token hashes to; null when there is none. */
  async glance(
    id: string,
  ): Promise<{ readonly owner: string | null; readonly tokenHash: string; readonly state: LiveState } | null> {
    const [tokenHash, owner, owned, state] = await this.#redis.hmget(
      liveKeys(id).session,
      'token',
      'owner',
      'owned',
      'state',
    );
    return typeof tokenHash !== 'string'
      ? null
      : { tokenHash, owner: ownerOf({ owner: owner ?? '', owned: owned ?? '' }), state: state as LiveState };
  }

  /** Sessions that have not closed: everybody's, or those of one owner. */
  async list(whose: 'everybody' | { readonly owner: string }): Promise<LiveSummary[]> {
    const ids = await this.#redis.zrange(LIVE_SESSIONS, 0, '-1');
    const found: LiveSummary[] = [];
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = ids.slice(at, at + PAGE);
      const values = await Promise.all(page.map((id) => this.#redis.hmget(liveKeys(id).session, ...SUMMARY_FIELDS)));
      found.push(
        ...page
          .flatMap((id, i) => summaryOf(id, values[i] ?? []) ?? [])
          .filter((session) => whose === 'everybody' || session.owner === whose.owner),
      );
    }
    return found;
  }
}

function all(keys: ReturnType<typeof liveKeys>): string[] {
  return [keys.session, keys.utterances, keys.pending, keys.tries, keys.results, keys.events, keys.pcm];
}

function pairs(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1] ?? '';
  return fields;
}
