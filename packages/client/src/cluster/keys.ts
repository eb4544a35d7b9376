import { SHORT_MS, path } from '../http/exchange.js';
import type { Requester } from '../http/requester.js';
import { jsonUpload } from '../http/upload-body.js';

export type KeyScope = 'transcribe' | 'jobs' | 'read' | 'admin';

/** A key as the server lists it; the key itself is not in it. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly weight: number;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly state: 'usable' | 'expired' | 'revoked';
}

export interface NewApiKey {
  /** Jobs belong to the name. */
  readonly name: string;
  /** All but `admin` when left out. */
  readonly scopes?: readonly KeyScope[] | undefined;
  /** `90d`, `12h`, or a time in ISO 8601; never when left out. */
  readonly expires?: string | undefined;
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
    const { name, scopes, expires } = wanted;
    const body = jsonUpload({ name, scopes, expires }).make;
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
