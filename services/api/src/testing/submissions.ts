import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { JobJson } from '@murmuration/contracts';
import type { TestApp } from './test-app.js';

/** The id that a client names its job by. */
export const ID = '11111111-2222-4333-8444-555555555555';

export const WAV = { 'content-type': 'audio/wav' };

export const JSON_TYPE = { 'content-type': 'application/json' };

/** What makes a field too long. */
export const filling = '#'.repeat(1_200_000);

/** What a submission is told. */
export interface Told {
  readonly status: number;
  readonly code: string | undefined;
  readonly param: string | null | undefined;
  readonly job: JobJson;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Sends `POST /v1/jobs`. */
export async function submit(
  { app }: TestApp,
  query: string,
  body: { headers: Readonly<Record<string, string>>; payload: Buffer | string },
): Promise<Told> {
  const reply = await app.inject({ method: 'POST', url: `/v1/jobs${query}`, ...body });
  const answer = reply.json<JobJson & { error: { code: string; param: string | null } | null }>();
  return {
    status: reply.statusCode,
    code: answer.error?.code,
    param: answer.error?.param,
    job: answer,
    headers: reply.headers,
  };
}

/** A JSON body: of these fields, or this text as it is. */
export function json(fields: unknown): { headers: Readonly<Record<string, string>>; payload: string } {
  return { headers: JSON_TYPE, payload: typeof fields === 'string' ? fields : JSON.stringify(fields) };
}

/** A recording as the body. */
export const raw = (payload: string): { headers: Readonly<Record<string, string>>; payload: string } => ({
  headers: WAV,
  payload,
});

/** A server that answers every request with these bytes, and counts them. */
export async function fileServer(
  t: TestContext,
  body: string | null,
): Promise<{ host: string; hits: () => number; close: () => void }> {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.writeHead(200, { 'content-type': 'audio/wav' });
    if (body === null) response.write('first\n');
    else response.end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.after(close);
  return { close, host: `127.0.0.1:${String((server.address() as AddressInfo).port)}`, hits: () => hits };
}
