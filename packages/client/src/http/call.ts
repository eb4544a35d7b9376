import type { UploadBody } from './upload-body.js';

/** One request, and how often it may be made. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Begins with a slash; its parts are escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => UploadBody;
  readonly signal?: AbortSignal | undefined;
  /** `always`: doing it twice does no harm. `refused`: only after an answer that nothing was begun. */
  readonly retry: 'always' | 'refused' | 'never';
  /** An attempt is given up when its answer is not there after so long; without it an answer may take its time. */
  readonly limitMs?: number;
}

/** For requests that only ask. */
export const SHORT_MS = 30_000;

/** Path of an address, its parts escaped: `path('v1', 'jobs', id)`. */
export function path(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}
