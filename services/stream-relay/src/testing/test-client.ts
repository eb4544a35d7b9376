import { WebSocket, type ClientOptions } from 'ws';
import type { ServerMessage } from '@murmuration/contracts';

/** A client of the own protocol, for tests. */
export class TestClient {
  readonly socket: WebSocket;
  /** Everything that came. */
  readonly messages: ServerMessage[] = [];
  /** Close code and reason. */
  readonly closed: Promise<readonly [number, string]>;
  #changed: (() => void)[] = [];
  #isClosed = false;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString('utf8')) as ServerMessage);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#isClosed = true;
        this.#wake();
        resolve([code, reason.toString()]);
      });
    });
    socket.on('error', () => undefined);
  }

  /** Throws `status N` when the handshake is refused. */
  static connect(
    url: string,
    options: ClientOptions & { readonly protocols?: readonly string[] } = {},
  ): Promise<TestClient> {
    const { protocols = [], ...rest } = options;
    const socket = new WebSocket(url, [...protocols], rest);
    const client = new TestClient(socket);
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        resolve(client);
      });
      socket.once('unexpected-response', (_request, response) => {
        reject(new Error(`status ${String(response.statusCode)}`));
        socket.terminate();
      });
      socket.once('error', reject);
    });
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  audio(bytes: number): void {
    this.socket.send(Buffer.alloc(bytes));
  }

  /** The first message of this type; waits for it. Throws when the socket closes before. */
  async first<T extends ServerMessage['type']>(type: T): Promise<Extract<ServerMessage, { type: T }>> {
    await this.until(() => this.messages.some((message) => message.type === type));
    return (
      this.messages.find((message): message is Extract<ServerMessage, { type: T }> => message.type === type) ??
      fail(type)
    );
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => {
        this.#changed.push(resolve);
      });
    }
  }

  #wake(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}

function fail(type: string): never {
  throw new Error(`no ${type}`);
}
