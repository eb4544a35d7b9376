import { IncomingMessage } from 'node:http';

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
