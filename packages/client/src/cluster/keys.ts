import { SHORT_MS, path } from '../http/exchange.js';
import type { Requester } from '../http/requester.js';
import { jsonUpload } from '../http/upload-body.js';

export type KeyScope = 'transcribe' | 'jobs' | 'read' | 'admin';

/** What was used over some time. */
export interface Used {
  /** Requests and jobs. */
  readonly recordings: number;
  /** Audio of these. */
  readonly recorded_seconds: number;
  readonly live_sessions: number;
  /** Audio of live sessions. */
  readonly live_seconds: number;
}

/** What all keys of a name have used together; days and months are those of UTC. */
export interface NameUsage {
  readonly today: Used;
  readonly month: Used;
  readonly last_month: Used;
}

/** What the name of the client's own key has used; see `GET /v1/usage`. */
export interface OwnUsage extends NameUsage {
  readonly name: string;
  /** Audio that the name may use in a month; null: no bound. */
  readonly monthly_audio_seconds: number | null;
  /** Of this month and the one before, newest first; `day` as 2027-01-31. */
  readonly days: readonly (Used & { readonly day: string })[];
}

/** A key as the server lists it; the key itself is not in it. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly weight: number;
  /** Audio that the name may use in a month; null: this key sets no bound. */
  readonly monthly_audio_seconds: number | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly state: 'usable' | 'expired' | 'revoked';
  /** Null while the server does not know. */
  readonly usage: NameUsage | null;
}

export interface NewApiKey {
  /** Jobs belong to the name. */
  readonly name: string;
  /** All but `admin` when left out. */
  readonly scopes?: readonly KeyScope[] | undefined;
  /** Share of the work against other keys; 1 when left out. */
  readonly weight?: number | undefined;
  /** `90d`, `12h`, or a time in ISO 8601; never when left out. */
  readonly expires?: string | undefined;
  /** Audio that the name may use in a calendar month; no bound when left out. */
  readonly monthly_audio_seconds?: number | undefined;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The keys of a server; every call needs one with the scope `admin`, and throws `MurmurationError`. */
export class Keys {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  async list({ signal }: CallOptions = {}): Promise<readonly ApiKey[]> {
    const call = { method: 'GET', path: '/v1/keys', signal, retry: 'always', limitMs: SHORT_MS } as const;
    return (await this.#requester.json<{ readonly data: readonly ApiKey[] }>(call)).data;
  }

  /** Makes a key; it is in the answer and told nowhere else. */
  create(
    wanted: NewApiKey,
    { signal }: CallOptions = {},
  ): Promise<{ readonly id: string; readonly name: string; readonly key: string }> {
    const { name, scopes, weight, expires, monthly_audio_seconds } = wanted;
    const body = jsonUpload({ name, scopes, weight, expires, monthly_audio_seconds }).make;
    return this.#requester.json({ method: 'POST', path: '/v1/keys', body, signal, retry: 'refused' });
  }

  /** Services refuse the key within seconds. */
  async revoke(id: string, { signal }: CallOptions = {}): Promise<void> {
    const call = {
      method: 'DELETE',
      path: path('v1', 'keys', id),
      signal,
      retry: 'always',
      limitMs: SHORT_MS,
    } as const;
    await this.#requester.call(call, (response) => response.text());
  }
}
