/** What the library needs of a WebSocket: a browser's, Node 22's, or that of the package `ws`. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** Named first among the subprotocols, so that the server has one to answer with: a key is never sent back. */
const PROTOCOL = 'murmuration.v1';

/** Subprotocols that a connection offers; the key among them, for pages can send no header. */
export function protocolsWith(apiKey: string | null): string[] {
  return apiKey === null ? [PROTOCOL] : [PROTOCOL, `murmuration.key.${apiKey}`];
}

/** Address of a socket under the address of the HTTP door. */
export function socketUrl(baseUrl: string): string {
  return `${baseUrl.replace(/^http/i, 'ws')}/ws/transcribe`;
}

/** The HTTP status in what `ws` says of a refused handshake; null where nothing is said, as in browsers. */
export function handshakeStatus(event: { readonly message?: unknown }): number | null {
  const status = typeof event.message === 'string' ? /Unexpected server response: (\d{3})/.exec(event.message)?.[1] : undefined;
  return status === undefined ? null : Number(status);
}
