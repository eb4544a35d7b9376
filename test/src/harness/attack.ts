import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cluster } from './cluster.js';
import type { ErrorAnswer } from './api-requests.js';

/** What an API node told: its status, and the error's code and field. */
export interface Told {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  /** The answer's body. */
  readonly text: string;
}

/** Sends a request and reads what it is told. */
export async function tell(url: string, init: RequestInit): Promise<Told> {
  const response = await fetch(url, { method: 'POST', ...init });
  const text = await response.text();
  let error: Partial<ErrorAnswer['error']> | null = null;
  try {
    error = (JSON.parse(text) as Partial<ErrorAnswer>).error ?? null;
  } catch {
    // Told as it is.
  }
  return { status: response.status, code: error?.code ?? null, param: error?.param ?? null, text };
}

/** The parts that are told, as one line for comparing. */
export function line({ status, code, param }: Told): string {
  return `${String(status)} ${code ?? '-'} ${param ?? '-'}`;
}

/** A form with one recording. */
export function fileForm(
  file: Uint8Array,
  fields: Readonly<Record<string, string>> = {},
  name = 'speech.wav',
): FormData {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  form.append('file', new Blob([new Uint8Array(file)]), name);
  return form;
}

/** A server on this machine that counts who comes. */
export class LocalServer {
  readonly url: string;
  readonly host: string;
  readonly #server;
  #connections = 0;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    this.url = `http://${this.host}`;
    server.on('connection', () => {
      this.#connections += 1;
    });
  }

  /** Without a listener it is a canary: nobody may come. */
  static async start(
    listener: RequestListener = (_request, response) => {
      response.end('x');
    },
  ): Promise<LocalServer> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return new LocalServer(server);
  }

  get connections(): number {
    return this.#connections;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** API node and workers live and say so. */
export async function requireAlive(cluster: Cluster): Promise<void> {
  assert.equal(await cluster.api.probe('/livez'), 200, 'the API does not live');
  for (const worker of cluster.workers) assert.equal(await worker.probe('/livez'), 200, 'a worker does not live');
}
