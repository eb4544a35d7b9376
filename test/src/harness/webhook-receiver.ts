import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** A webhook as it came and verified. */
export interface ReceivedWebhook {
  readonly messageId: string;
  readonly type: string;
  readonly job: string;
  readonly body: string;
}

/** A receiver that verifies every message and answers as `answer` says. */
export class WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedWebhook[] = [];
  /** Header `traceparent` of each, where it came with one. */
  readonly traceparents: (string | undefined)[] = [];
  /** Messages whose signature did not hold. */
  refused = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hook`;
  }

  /** @param answer status for the n-th message, 0 for the first */
  static async start(secret: string, answer: (count: number) => number = () => 204): Promise<WebhookReceiver> {
    const webhook = new Webhook(secret);
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => {
        pieces.push(piece);
      });
      request.on('end', () => {
        const body = Buffer.concat(pieces).toString();
        try {
          const event = webhook.verify(body, request.headers as Record<string, string>) as {
            type: string;
            data: { id: string };
          };
          receiver.received.push({
            messageId: String(request.headers['webhook-id']),
            type: event.type,
            job: event.data.id,
            body,
          });
          receiver.traceparents.push(request.headers['traceparent'] as string | undefined);
          response.writeHead(answer(receiver.received.length - 1)).end();
        } catch {
          receiver.refused++;
          response.writeHead(401).end();
        }
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const receiver = new WebhookReceiver(server);
    return receiver;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
