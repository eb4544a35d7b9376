import { constants, openAsBlob } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename } from 'node:path';
import { WebSocket } from 'ws';
import { Murmuration as Core, type MurmurationOptions } from './murmuration.js';

export * from './index.js';

/** Messages of the server are small; speech does not get smaller by compression. */
class Socket extends WebSocket {
  constructor(url: string, protocols?: string[]) {
    super(url, protocols, { perMessageDeflate: false, maxPayload: 4 * 1024 * 1024, handshakeTimeout: 15_000 });
  }
}

/** The client for Node.js: with a WebSocket, which Node 20 lacks. */
export class Murmuration extends Core {
  constructor(options: MurmurationOptions) {
    super({ ...options, webSocket: options.webSocket ?? Socket });
  }
}

/** A file to send, read piece by piece while it is sent. Rejects as `node:fs` does when it cannot be read; a file that changes meanwhile fails the upload. */
export async function audioFile(path: string): Promise<File> {
  // What openAsBlob throws does not say why.
  await access(path, constants.R_OK);
  return new File([await openAsBlob(path)], basename(path));
}
