import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** An HTTP server of a test's own on the loopback address. */
export interface LocalServer {
  readonly port: number;
  /** As `127.0.0.1:PORT`. */
  readonly host: string;
  readonly url: string;
  /** Connections that were made to it, whether or not a request followed. */
  readonly connections: () => number;
}

/** Starts a server; it ends with the test, whatever is still open. Without a listener it answers 200 with one byte: a canary that nobody may reach. */
export async function localServer(
  t: TestContext,
  listener: RequestListener = (_request, response) => {
    response.end('x');
  },
): Promise<LocalServer> {
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(async () => {
    const closed = new Promise((resolve) => {
      server.close(resolve);
    });
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${String(port)}`;
  return { port, host, url: `http://${host}`, connections: () => connections };
}
