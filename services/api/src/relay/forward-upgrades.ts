import { IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { AsrError } from '@murmuration/contracts';
import { openTunnel, refuseSocket } from './relay-tunnel.js';

/** Paths of WebSockets; the relay serves the same. */
const LIVE_PATHS: readonly { readonly path: RegExp; readonly resumes: boolean }[] = [
  { path: /^\/ws\/transcribe$/, resumes: true },
  { path: /^\/v1\/sessions\/[^/]+\/watch$/, resumes: true },
  { path: /^\/v1\/realtime$/, resumes: false },
  { path: /^\/v1\/listen$/, resumes: false },
];

export interface ForwardParts {
  /** Address of the relay, or null. */
  readonly relayUrl: string | null;
  /** True once no new work is taken. */
  stopping(): boolean;
  /** Aborted once no new work is taken. */
  readonly leaving: AbortSignal;
  /** Aborted when what is left is given up. */
  readonly abandoned: AbortSignal;
}

/**
 * Forwards WebSockets on live paths to the relay. A handshake at any other address is answered as over HTTP; `not_found` where there is no relay, `backend_unavailable` when it does not answer.
 * Tunnels stay until one of their ends closes them; those whose clients can resume elsewhere until `leaving`, the others until `abandoned`.
 */
export function forwardToRelay(server: Server, parts: ForwardParts): void {
  const relay = parts.relayUrl === null ? null : new URL(parts.relayUrl);
  const open = new Map<Duplex, { readonly resumes: boolean }>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {
      socket.destroy();
    });
    const live = LIVE_PATHS.find(({ path }) => path.test(request.url?.split('?')[0] ?? ''));
    if (live === undefined) {
      refuseSocket(
        socket,
        new AsrError('not_found', 'No WebSocket is served at this address. Those that are stand in docs/live.md.'),
      );
    } else if (relay === null) {
      refuseSocket(
        socket,
        new AsrError(
          'not_found',
          'Live audio is not served on this port. Connect to the relay (port 8765), or ask the operator to set RELAY_URL.',
        ),
      );
    } else if (parts.stopping()) {
      refuseSocket(socket, new AsrError('shutting_down'));
    } else {
      open.set(socket, live);
      socket.once('close', () => {
        open.delete(socket);
      });
      openTunnel(request, socket, head, relay);
    }
  });
  parts.leaving.addEventListener('abort', () => {
    for (const [socket, { resumes }] of open) if (resumes) socket.destroy();
  });
  parts.abandoned.addEventListener('abort', () => {
    for (const socket of open.keys()) socket.destroy();
  });
}

/**
 * A request that counts as an upgrade only where it asks for a WebSocket. Java's client offers h2c with every request; a server that listens for upgrades would get
 * such requests without their bodies, and the connection would be out of its hands.
 */
export class AskedUpgrade extends IncomingMessage {
  // Node sets it before the headers are known, and reads it after.
  #offered = false;

  get upgrade(): boolean {
    return this.#offered && (this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket');
  }

  set upgrade(offered: boolean | null) {
    // The constructor of Node's class sets it too, before this field is there.
    if (#offered in this) this.#offered = offered === true;
  }
}
