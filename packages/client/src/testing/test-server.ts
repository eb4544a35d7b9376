import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Answers one request; `seen.body` is whole unless the server was opened with `early`. */
export type Answer = (seen: Seen, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** A real HTTP server for tests that answers as it is told and remembers what it was asked. */
export class TestServer {
  readonly seen: Seen[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param early answers before the body has come */
  static open(answer: Answer, early = false): Promise<TestServer> {
    const server = createServer();
    const opened = new TestServer(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const take = async (): Promise<void> => {
        const pieces: Buffer[] = [];
        if (!early) for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
        const seen = {
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(pieces),
        };
        opened.seen.push(seen);
        await answer(seen, response, request);
      };
      take().catch(() => {
        response.destroy();
      });
    });
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        resolve(opened);
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }
}

/** Answers JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Answers an error as the server does. */
export function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
  param: string | null = null,
): void {
  json(response, status, { error: { message: `told of ${code}`, type: 'server_error', param, code } }, headers);
}

/** A server-sent event as text. */
export function sse(type: string, data: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
