import { WebSocket, type ClientOptions } from 'ws';

/** A client that speaks whatever a test has it speak. */
export class RawClient {
  readonly socket: WebSocket;
  /** Messages that came, parsed. */
  readonly messages: Record<string, unknown>[] = [];
  /** Close code and reason. */
  readonly closed: Promise<readonly [number, string]>;
  #over = false;
  #wake: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString('utf8')) as Record<string, unknown>);
      this.#wakeAll();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#over = true;
        this.#wakeAll();
        resolve([code, reason.toString()]);
      });
    });
  }

  /** Throws `status N` with the body when the handshake is refused. */
  static connect(
    url: string,
    options: ClientOptions & { readonly protocols?: readonly string[] } = {},
  ): Promise<RawClient> {
    const { protocols = [], ...rest } = options;
    const client = new RawClient(new WebSocket(url, [...protocols], rest));
    return new Promise((resolve, reject) => {
      client.socket.once('open', () => {
        resolve(client);
      });
      client.socket.once('unexpected-response', (_request, response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => {
          reject(new Error(`status ${String(response.statusCode)} ${Buffer.concat(pieces).toString()}`));
        });
      });
      client.socket.once('error', reject);
    });
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Waits until a message is there that fits. Throws when the socket closes before. */
  async first(fits: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`closed after ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
