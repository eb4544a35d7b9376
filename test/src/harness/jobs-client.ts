import { randomUUID } from 'node:crypto';

/** One event of a job as a listener got it. */
export interface HeardEvent {
  readonly id: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A job as `/v1/jobs` answers it, as far as tests look at it. */
export interface JobAnswer {
  readonly id: string;
  readonly status: string;
  readonly purged: boolean;
  readonly progress: { readonly done_seconds: number; readonly planned_seconds: number };
  readonly position: number | null;
  readonly estimated_seconds_left: number | null;
  readonly error: { readonly code: string } | null;
}

export interface SubmitFields {
  readonly query?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
}

/** Submits once; what the network does is thrown. */
export async function submit(
  url: string,
  file: Uint8Array,
  { query = {}, idempotencyKey }: SubmitFields = {},
): Promise<Response> {
  return fetch(`${url}/v1/jobs?${new URLSearchParams(query).toString()}`, {
    method: 'POST',
    body: new Blob([new Uint8Array(file)]),
    headers: {
      'content-type': 'audio/wav',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
  });
}

/** Submits until it is accepted, however often an API node goes down meanwhile: safe, for every attempt has the same key. */
export async function submitSurely(url: string, file: Uint8Array, fields: SubmitFields = {}): Promise<JobAnswer> {
  const idempotencyKey = fields.idempotencyKey ?? randomUUID();
  let last = 'no answer';
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await submit(url, file, { ...fields, idempotencyKey }).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      () => null,
    );
    if (answer?.status === 202) return JSON.parse(answer.text) as JobAnswer;
    if (answer !== null && answer.status < 500 && answer.status !== 429)
      throw new Error(`${String(answer.status)} ${answer.text}`);
    if (answer !== null) last = `${String(answer.status)} ${answer.text}`;
    await new Promise((resolve) => {
      setTimeout(resolve, 100 + 20 * Math.min(attempt, 20));
    });
  }
  throw new Error(`the job was never accepted: ${last}`);
}

/** Reads a job's events until its end, `limit` of them at most, or until the connection breaks; answers what came. */
async function listen(
  url: string,
  job: string,
  lastEventId: string | null,
  limit = Number.POSITIVE_INFINITY,
): Promise<HeardEvent[]> {
  const heard: HeardEvent[] = [];
  const stop = new AbortController();
  try {
    const response = await fetch(`${url}/v1/jobs/${job}/events`, {
      signal: stop.signal,
      headers: lastEventId === null ? {} : { 'last-event-id': lastEventId },
    });
    if (!response.ok || response.body === null) {
      await response.arrayBuffer();
      return heard;
    }
    let text = '';
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const event = parse(text.slice(0, end));
        text = text.slice(end + 2);
        if (event !== null) heard.push(event);
        if (heard.length >= limit) return heard;
      }
    }
  } catch {
    return heard;
  } finally {
    stop.abort();
  }
  return heard;
}

const ENDS: ReadonlySet<string> = new Set(['done', 'failed', 'cancelled']);

/** All events of a job, by a listener that drops after `patience()` events and goes on at the next of `urls`. */
export async function listenToEnd(
  urls: readonly string[],
  job: string,
  patience: () => number = () => Number.POSITIVE_INFINITY,
): Promise<HeardEvent[]> {
  const all: HeardEvent[] = [];
  for (let turn = 0; turn < 600; turn++) {
    const url = urls[turn % urls.length] ?? '';
    const heard = await listen(url, job, all.at(-1)?.id ?? null, patience());
    all.push(...heard);
    if (ENDS.has(all.at(-1)?.name ?? '')) {
      // What came after an end would be one too many.
      all.push(...(await listen(urls[(turn + 1) % urls.length] ?? '', job, all.at(-1)?.id ?? null, 1)));
      return all;
    }
    if (heard.length === 0)
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
  }
  throw new Error(`the events of the job did not end; the last was ${all.at(-1)?.name ?? 'none'}`);
}

function parse(block: string): HeardEvent | null {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
  }
  const data = fields.get('data');
  if (data === undefined) return null;
  return {
    id: fields.get('id') ?? '',
    name: fields.get('event') ?? 'message',
    data: JSON.parse(data) as Record<string, unknown>,
  };
}
