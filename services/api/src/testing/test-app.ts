import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { Access, KeyFile, type TicketStore, type Reach } from '@murmuration/access';
import { GuardedClient } from '@murmuration/outbound';
import { createLogger, NO_TRACING } from '@murmuration/runtime';
import type { OwnerUsage, LiveService, WatchedSession } from '@murmuration/transcribe';
import { AsrError, type LiveEvent, type LiveSummary } from '@murmuration/contracts';
import { createApp } from '../app.js';
import { readConfig } from '../config.js';
import type { ApiContext } from '../api-context.js';
import { RecentAnswers } from '../figures/recent-answers.js';
import { ActiveUploads } from '../upload/active-uploads.js';
import { SpoolDirectory } from '../upload/spool.js';
import { MemoryJobs } from './memory-jobs.js';
import { MemoryService } from './memory-service.js';

/** Live sessions to look at that are as the test sets them; they do not change while one watches. */
class MemoryViews implements Pick<LiveService, 'watch' | 'list' | 'erase'> {
  summaries: LiveSummary[] = [];
  /** By session id. */
  readonly events = new Map<string, { readonly owner: string | null; readonly events: readonly LiveEvent[] }>();

  watch(id: string, whose: Reach, afterId: string | null, signal: AbortSignal): Promise<WatchedSession> {
    const session = this.events.get(id);
    if (session === undefined || (whose !== 'everybody' && session.owner !== whose.owner))
      return Promise.reject(new AsrError('not_found'));
    const from = afterId === null ? session.events.length : Number.parseInt(afterId, 10);
    return Promise.resolve({
      isClosed: session.events.at(-1)?.type === 'closed',
      events: replay(session.events, from, signal),
    });
  }

  erase(id: string, whose: Reach): Promise<void> {
    const session = this.events.get(id);
    if (session === undefined || (whose !== 'everybody' && session.owner !== whose.owner))
      return Promise.reject(new AsrError('not_found'));
    this.events.delete(id);
    return Promise.resolve();
  }

  list(whose: Reach): Promise<readonly LiveSummary[]> {
    return Promise.resolve(this.summaries.filter((session) => whose === 'everybody' || session.owner === whose.owner));
  }
}

async function* replay(events: readonly LiveEvent[], from: number, signal: AbortSignal): AsyncGenerator<LiveEvent> {
  yield* events.slice(from);
  if (events.at(-1)?.type === 'closed') return;
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

/** Tickets in memory, for one node. They never expire. */
class MemoryTickets implements TicketStore {
  readonly tickets = new Map<string, string>();

  put(ticketHash: string, keyId: string): Promise<void> {
    this.tickets.set(ticketHash, keyId);
    return Promise.resolve();
  }

  read(ticketHash: string): Promise<string | null> {
    return Promise.resolve(this.tickets.get(ticketHash) ?? null);
  }

  take(ticketHash: string): Promise<string | null> {
    const keyId = this.read(ticketHash);
    this.tickets.delete(ticketHash);
    return keyId;
  }
}

export interface TestApp {
  readonly app: FastifyInstance;
  readonly service: MemoryService;
  readonly jobs: MemoryJobs;
  readonly live: MemoryViews;
  readonly uploads: ActiveUploads;
  readonly spools: SpoolDirectory;
  /** Address without a slash at the end; the app listens after `listen`. */
  readonly listen: () => Promise<string>;
  /** Files in the spool directory. */
  readonly spooled: () => Promise<string[]>;
  readonly stop: () => void;
  /** Ends what has no end of its own. */
  readonly leave: () => void;
  readonly abandon: () => void;
}

/** The API over an in-memory service, closed when the test ends. */
export async function testApp(t: TestContext, environment: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  const directory = await mkdtemp(join(tmpdir(), 'api-test-'));
  const config = readConfig({ LOG_LEVEL: 'silent', WEB_DIR: join(directory, 'web'), ...environment });
  const spools = await SpoolDirectory.open(join(directory, 'spool'), config.SPOOL_MAX_BYTES);
  const service = new MemoryService();
  const jobs = new MemoryJobs();
  const live = new MemoryViews();
  const outbound = new GuardedClient({ allowlist: config.URL_ALLOWLIST });
  const logger = createLogger({ service: 'api', level: 'silent' });
  const keys = config.API_KEYS_FILE === undefined ? null : await KeyFile.open({ path: config.API_KEYS_FILE, logger });
  const leaving = new AbortController();
  const abandoned = new AbortController();
  const state = { stopping: false };
  const context: ApiContext = {
    service,
    jobs,
    live,
    outbound,
    spools,
    config,
    limits: {
      maxUploadBytes: config.MAX_UPLOAD_BYTES,
      maxFormFields: config.MAX_FORM_FIELDS,
      idleTimeoutMs: config.UPLOAD_IDLE_TIMEOUT_MS,
      totalTimeoutMs: config.UPLOAD_TOTAL_TIMEOUT_MS,
    },
    logger,
    access: new Access(keys, new MemoryTickets()),
    uploads: new ActiveUploads(config.MAX_ACTIVE_UPLOADS, () => keys?.ring.names ?? 1),
    formats: ['wav', 'mp3'],
    gpus: () =>
      Promise.resolve([
        {
          name: 'Test GPU',
          memoryMiB: 1_024,
          memoryUsedMiB: null,
          utilizationPercent: null,
          temperatureC: null,
          powerW: null,
        },
      ]),
    stopping: () => state.stopping,
    leaving: leaving.signal,
    abandoned: abandoned.signal,
    backlog: () => Promise.resolve([{ slug: 'memory', audioSeconds: 90.5, waiting: 3, active: 1 }]),
    usage: { of: (owners) => Promise.resolve(owners.map(usageOf)) },
    answers: new RecentAnswers(),
    tracing: NO_TRACING,
    onAnswer: () => undefined,
  };
  const app = await createApp(context);
  t.after(async () => {
    abandoned.abort();
    leaving.abort();
    keys?.close();
    await outbound.close();
    app.server.closeAllConnections();
    await app.close();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    app,
    service,
    jobs,
    live,
    spools,
    uploads: context.uploads,
    listen: async () => {
      await app.listen({ host: '127.0.0.1', port: 0 });
      return `http://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`;
    },
    spooled: () => readdir(join(directory, 'spool')),
    stop: () => {
      state.stopping = true;
    },
    leave: () => {
      leaving.abort();
    },
    abandon: () => {
      abandoned.abort();
    },
  };
}

/** Of every owner the same. */
function usageOf(): OwnerUsage {
  const used = { recordings: 2, recordedMs: 90_000, liveSessions: 1, liveMs: 30_500 };
  return { today: used, month: used, lastMonth: used, days: [{ day: '2027-01-31', ...used }], monthLeftMs: 1_000 };
}

export type Part = readonly [name: string, value: string, filename?: string];

/** A multipart form with the parts in their order. */
export function form(...parts: readonly Part[]): { headers: { 'content-type': string }; payload: Buffer } {
  const boundary = 'test-boundary';
  const text = parts
    .map(([name, value, filename]) => {
      const file = filename === undefined ? '' : `; filename="${filename}"\r\ncontent-type: audio/wav`;
      return `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
    })
    .join('');
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload: Buffer.from(`${text}--${boundary}--\r\n`, 'latin1'),
  };
}

/** A recording of the in-memory service that is larger than what a spool keeps in memory. */
export function longRecording(first: string, last: string, bytes = 3 * 1024 * 1024): string {
  return `${first}\n${'#'.repeat(bytes)}\n${last}`;
}
