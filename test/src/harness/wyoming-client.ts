import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface WyomingEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A client of Wyoming that writes events as the official Python client does. */
export class WyomingClient {
  readonly #socket: Socket;
  /** Everything that came. */
  readonly events: WyomingEvent[] = [];
  #bytes: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#read();
    });
    socket.on('error', () => undefined);
  }

  static async connect(port: number): Promise<WyomingClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new WyomingClient(socket);
  }

  say(type: string, data: object = {}, payload: Uint8Array = new Uint8Array()): void {
    const json = JSON.stringify(data);
    const header = { type, version: '1.10.2', data_length: Buffer.byteLength(json), payload_length: payload.length };
    this.#socket.write(`${JSON.stringify(header)}\n${json}`);
    this.#socket.write(payload);
  }

  raw(bytes: string): void {
    this.#socket.write(bytes);
  }

  /** Transcribes as Home Assistant does: `transcribe`, `audio-start`, chunks of 1,024 samples, `audio-stop`; resolves with the text. */
  async transcribe(
    audio: Buffer,
    format: { readonly rate: number; readonly width: number; readonly channels: number },
    wishes: object = {},
  ): Promise<string> {
    const from = this.events.length;
    this.say('transcribe', wishes);
    this.say('audio-start', format);
    const bytes = 1_024 * format.width * format.channels;
    for (let at = 0; at < audio.length; at += bytes) this.say('audio-chunk', format, audio.subarray(at, at + bytes));
    this.say('audio-stop');
    await this.first('transcript-stop', from);
    return String((await this.first('transcript', from)).data['text']);
  }

  /** The first event of this type from the given place on; waits for it. Throws when the connection ends before. */
  async first(type: string, from = 0): Promise<WyomingEvent> {
    for (;;) {
      const found = this.events.slice(from).find((event) => event.type === type);
      if (found !== undefined) return found;
      if (this.#socket.readableEnded) throw new Error(`closed after ${JSON.stringify(this.events)}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#socket.off('data', wake).off('end', wake);
          resolve();
        };
        this.#socket.once('data', wake).once('end', wake);
      });
    }
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(): void {
    for (let end = this.#bytes.indexOf(10); end >= 0; end = this.#bytes.indexOf(10)) {
      const header = JSON.parse(this.#bytes.toString('utf8', 0, end)) as { type: string; data_length?: number };
      const length = header.data_length ?? 0;
      if (this.#bytes.length < end + 1 + length) return;
      const data = length === 0 ? '{}' : this.#bytes.toString('utf8', end + 1, end + 1 + length);
      this.#bytes = this.#bytes.subarray(end + 1 + length);
      this.events.push({ type: header.type, data: JSON.parse(data) as Record<string, unknown> });
    }
  }
}
