/** What `POST /transcribe` answers, as far as tests look at it. */
export interface TranscribeAnswer {
  readonly text: string;
  readonly duration: number;
  readonly language: string | null;
  readonly model: string;
  readonly segments: readonly {
    readonly start: number;
    readonly end: number;
    readonly text: string;
    readonly confidence: number;
    readonly channel: number;
  }[];
  readonly timings: Readonly<Record<'queue' | 'inference' | 'decode' | 'detect' | 'total', number>>;
  readonly warnings: readonly { readonly code: string }[];
  readonly accounting: {
    readonly speech: number;
    readonly non_speech: number;
    readonly skipped: readonly { readonly start: number; readonly end: number }[];
  };
}

export interface ErrorAnswer {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** Sends a recording as the raw body. */
export function postRaw(
  url: string,
  body: Blob | ReadableStream,
  init: { readonly query?: string; readonly type?: string; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`${url}/transcribe${init.query ?? ''}`, {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { 'content-type': init.type ?? 'application/octet-stream' },
    ...(init.signal === undefined ? {} : { signal: init.signal }),
  });
}

/** Transcribes a recording; throws with the API node's answer when it refuses. */
export async function transcribe(url: string, body: Uint8Array, query = ''): Promise<TranscribeAnswer> {
  const response = await postRaw(url, new Blob([new Uint8Array(body)]), { query });
  if (!response.ok) throw new Error(`${String(response.status)} ${await response.text()}`);
  return (await response.json()) as TranscribeAnswer;
}

/** Waits until `condition` holds, looking every 20 ms; throws with `what` after `limitMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`did not happen in ${String(limitMs)} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
