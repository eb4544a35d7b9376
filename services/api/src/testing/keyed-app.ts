import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createKey } from '@murmuration/access';
import { testApp, type TestApp } from './test-app.js';

/** An API that asks for keys. */
export interface Keyed extends TestApp {
  readonly path: string;
  /** Keys by what they may do. */
  readonly keys: Readonly<Record<'acme' | 'bolt' | 'reader' | 'writer' | 'admin' | 'expired', string>>;
  readonly acmeId: string;
}

/** The API with a file of keys. */
export async function keyedApp(t: TestContext, environment: Readonly<Record<string, string>> = {}): Promise<Keyed> {
  const folder = await mkdtemp(join(tmpdir(), 'api-keys-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.json');
  const acme = await createKey(path, { name: 'acme' });
  const make = async (name: string, scopes?: readonly string[], more: object = {}, nowMs?: number): Promise<string> =>
    (await createKey(path, { name, ...(scopes === undefined ? {} : { scopes }), ...more }, nowMs)).key;
  const keys = {
    acme: acme.key,
    bolt: await make('bolt'),
    reader: await make('reader', ['read']),
    writer: await make('writer', ['transcribe']),
    admin: await make('boss', ['admin']),
    expired: await make('acme', undefined, { expires: '1h' }, Date.now() - 2 * 3_600_000),
  };
  return { ...(await testApp(t, { API_KEYS_FILE: path, ...environment })), path, keys, acmeId: acme.entry.id };
}

/** The header that shows a key. */
export const bearer = (key: string): { authorization: string } => ({ authorization: `Bearer ${key}` });

/** Status of an answer, and its error's code where it is one. */
export async function codeOf(
  app: FastifyInstance,
  method: 'GET' | 'POST',
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<[number, string | undefined]> {
  const reply = await app.inject({ method, url, headers });
  return [reply.statusCode, reply.statusCode >= 400 ? reply.json<{ error: { code: string } }>().error.code : undefined];
}
