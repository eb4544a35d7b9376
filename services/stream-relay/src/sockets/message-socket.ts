/** What a translated connection uses of a socket: WebSockets of `ws` are such, and so is a `TcpSocket`. */
export interface MessageSocket {
  readonly readyState: number;
  readonly OPEN: number;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly bufferedAmount: number;
  readonly isPaused: boolean;
  on(event: 'message', listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): unknown;
  off(event: 'message', listener: (data: Buffer | ArrayBuffer | Buffer[], isBinary: boolean) => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  pause(): void;
  resume(): void;
  send(text: string): void;
  /** Calls back when all that was sent before has gone to the operating system, or with what went wrong. */
  ping(data?: undefined, mask?: undefined, taken?: (error?: Error) => void): void;
  close(code: number, reason: string): void;
  terminate(): void;
}
