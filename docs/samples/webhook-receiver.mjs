// A receiver of Murmuration's webhooks: takes in what is signed, fresh and new, once. Needs `npm install standardwebhooks`.
//   WEBHOOK_SECRET=whsec_… PORT=9000 node webhook-receiver.mjs
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const MAX_BODY_BYTES = 1_048_576;
const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? '');

/** The newest of what was seen. A real receiver keeps the ids in its database, with what it makes of the event, for more than a day. */
class Seen {
  #known = new Set();
  has(entry) {
    return this.#known.has(entry);
  }
  add(entry) {
    this.#known.add(entry);
    if (this.#known.size > 10_000) this.#known.delete(this.#known.values().next().value);
  }
}
const signatures = new Seen();
const ids = new Seen();

/** Where your own work goes. Be quick, for an answer later than 10 s counts as none: queue what takes long. */
function handle(event) {
  process.stdout.write(`${event.type} ${event.data?.id ?? ''}\n`);
}

/** The HTTP status for a request. Any 2xx says: taken, do not send it again. 410 says: never send again. */
function receive(body, headers) {
  let event;
  try {
    // The bytes as they came: parsing and writing them again would change the signature. Refuses what is older than five minutes.
    event = webhook.verify(body, headers);
  } catch {
    return 401;
  }
  // Every attempt is signed anew, so the very same signature a second time is somebody's recording of it.
  const signature = headers['webhook-signature'];
  if (signatures.has(signature)) return 409;
  signatures.add(signature);
  // A repetition of an event whose answer was lost: taken already.
  const id = headers['webhook-id'];
  if (ids.has(id)) return 204;
  ids.add(id);
  handle(event);
  return 204;
}

const server = createServer(async (request, response) => {
  const pieces = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) break;
    pieces.push(piece);
  }
  const status =
    request.method !== 'POST'
      ? 405
      : bytes > MAX_BODY_BYTES
        ? 413
        : receive(Buffer.concat(pieces).toString(), request.headers);
  response.writeHead(status).end();
});
server.listen(Number(process.env.PORT ?? 9000), process.env.HOST ?? '127.0.0.1', () => {
  process.stdout.write(`listening ${server.address().port}\n`);
});
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
