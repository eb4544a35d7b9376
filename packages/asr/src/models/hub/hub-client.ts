import { ModelFileFault } from '../model-files.js';
import { HubFault, PassingTrouble, RetryBudget, type HubSettings } from './hub-settings.js';

const MOST_REDIRECTS = 5;
const STALL_MS = 30_000;
const MOST_JSON_BYTES = 16 * 1024 * 1024;

/** A file's bytes as they come, and what the hub's first answer said of the whole file. */
export interface HubBody {
  /** First byte of `pieces` within the file: 0 when the server does not do ranges. */
  readonly fromByte: number;
  /** Checksums by the headers: SHA-256 of large files, git's blob id of small ones; null when absent. */
  readonly sha256: string | null;
  readonly blobSha1: string | null;
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Gives up the connection. */
  close(): void;
}

/** Speaks the hub's protocol over plain fetch: its JSON interface, and files with ranges and redirects. */
export class HubClient {
  readonly #settings: HubSettings;
  readonly #endpoint: URL;
  readonly #onPause: (reason: string) => void;

  /** @param onPause told of every failure that is followed by another try */
  constructor(settings: HubSettings, onPause: (reason: string) => void = () => undefined) {
    this.#settings = settings;
    this.#onPause = onPause;
    this.#endpoint = new URL(settings.endpoint.replace(/\/+$/, ''));
  }

  /** For messages; the address itself may hold a password. */
  get host(): string {
    return this.#endpoint.host;
  }

  /** How often something that is asked of this hub may be tried again. */
  retries(what: string): RetryBudget {
    return new RetryBudget(what, this.#settings.pauseMs, this.#onPause);
  }

  /** Reads a JSON answer of at most 16 MiB, trying again where that may help. Throws `HubFault` or `ModelFileFault`. */
  async json(path: string, what: string): Promise<unknown> {
    const budget = this.retries(`asking ${this.host} for ${what}`);
    for (;;) {
      try {
        const answer = await this.#get(path, what, 0);
        const pieces: Uint8Array[] = [];
        let bytes = 0;
        for await (const piece of answer.pieces) {
          bytes += piece.length;
          if (bytes > MOST_JSON_BYTES)
            throw new HubFault(`${this.host} answers ${what} with more than ${String(MOST_JSON_BYTES)} bytes`);
          pieces.push(piece);
        }
        return parseJson(
          Buffer.concat(pieces).toString('utf8'),
          `${this.host} answers ${what} with what is no JSON: is HF_ENDPOINT a hub?`,
        );
      } catch (error) {
        await budget.pauseAfter(error);
      }
    }
  }

  /** Opens a file from a byte on; one try. Throws `PassingTrouble`, `HubFault` or `ModelFileFault`. */
  open(repository: string, commit: string, file: string, fromByte: number): Promise<HubBody> {
    const path = `${repository}/resolve/${encodeURIComponent(commit)}/${file.split('/').map(encodeURIComponent).join('/')}`;
    return this.#get(path, `${file} of ${repository}`, fromByte);
  }

  async #get(path: string, what: string, fromByte: number): Promise<HubBody> {
    const watch = new StallWatch(this.#settings.stallMs ?? STALL_MS);
    try {
      let url = new URL(`${this.#endpoint.href.replace(/\/+$/, '')}/${path}`);
      let first: Headers | null = null;
      for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
        const response = await this.#fetch(url, fromByte, watch);
        first ??= response.headers;
        const location = response.headers.get('location');
        if (response.status >= 300 && response.status < 400 && location !== null) {
          await response.body?.cancel();
          url = new URL(location, url);
          if (!/^https?:$/.test(url.protocol))
            throw new HubFault(`${this.host} redirects ${what} to ${url.protocol} instead of http(s)`);
          continue;
        }
        if (response.status !== 200 && response.status !== 206) {
          await response.body?.cancel();
          throw refusal(response, what, this.host, this.#settings.token !== null);
        }
        return {
          ...checksums(first),
          fromByte: startOf(response, fromByte, what),
          pieces: watch.pieces(response, what),
          close: () => {
            watch.stop();
          },
        };
      }
      throw new HubFault(`${this.host} redirects ${what} more than ${String(MOST_REDIRECTS)} times`);
    } catch (error) {
      watch.stop();
      throw error;
    }
  }

  async #fetch(url: URL, fromByte: number, watch: StallWatch): Promise<Response> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'murmuration' };
    if (fromByte > 0) headers['range'] = `bytes=${String(fromByte)}-`;
    if (this.#settings.token !== null && url.origin === this.#endpoint.origin)
      headers['authorization'] = `Bearer ${this.#settings.token}`;
    try {
      return await fetch(url, { headers, redirect: 'manual', signal: watch.signal });
    } catch (error) {
      throw new PassingTrouble(`${url.host} cannot be reached (${reasonOf(error)})`);
    }
  }
}

/** Ends a connection on which nothing comes for too long. */
class StallWatch {
  readonly #limitMs: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#timer = this.#arm();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#controller.abort(new Error(`nothing came for ${String(this.#limitMs)} ms`));
    }, this.#limitMs);
  }

  async *pieces(response: Response, what: string): AsyncGenerator<Uint8Array> {
    try {
      // No body means an empty file.
      if (response.body === null) return;
      for await (const piece of response.body as AsyncIterable<Uint8Array>) {
        clearTimeout(this.#timer);
        yield piece;
        this.#timer = this.#arm();
      }
    } catch (error) {
      throw new PassingTrouble(`the connection broke within ${what} (${reasonOf(error)})`);
    } finally {
      this.stop();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

function refusal(response: Response, what: string, host: string, hasToken: boolean): Error {
  const { status, headers } = response;
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const seconds = Number(headers.get('retry-after') ?? Number.NaN);
    return new PassingTrouble(
      `${host} answers ${String(status)}`,
      Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null,
    );
  }
  if (status === 416) return new WrongContent('the file there is shorter than what is asked for');
  const code = headers.get('x-error-code');
  const token = hasToken ? 'HF_TOKEN may not read it' : 'a private or gated one needs HF_TOKEN';
  if (code === 'RevisionNotFound')
    return new ModelFileFault(`${host} has no such revision of ${what}: name another with @revision`);
  if (code === 'EntryNotFound') return new ModelFileFault(`${host} does not have ${what}`);
  if (code === 'GatedRepo')
    return new ModelFileFault(
      `${host} gives ${what} only to those who accepted its terms: accept them there and set HF_TOKEN`,
    );
  if (status === 401 || status === 403 || status === 404)
    return new ModelFileFault(`${host} does not have ${what} (HTTP ${String(status)}): check the name; ${token}`);
  return new HubFault(`${host} answers ${what} with HTTP ${String(status)}`);
}

/** The file there is not what was listed: going on from here is of no use. */
export class WrongContent extends Error {
  override readonly name = 'WrongContent';
}

function startOf(response: Response, fromByte: number, what: string): number {
  if (response.status === 200) return 0;
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (Number(start) !== fromByte)
    throw new HubFault(`${what} comes from byte ${start ?? '(unnamed)'}, asked for ${String(fromByte)}`);
  return fromByte;
}

function checksums(headers: Headers): { sha256: string | null; blobSha1: string | null } {
  const tag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '')
    .replace(/^W\//, '')
    .replace(/^"|"$/g, '')
    .toLowerCase();
  return { sha256: /^[0-9a-f]{64}$/.test(tag) ? tag : null, blobSha1: /^[0-9a-f]{40}$/.test(tag) ? tag : null };
}

function parseJson(text: string, fault: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HubFault(fault);
  }
}

/** fetch hides what went wrong one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
