import { z } from 'zod';
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../../api-context.js';
import { errorResponses } from '../../replies/error-responses.js';

const ticketSchema = z
  .object({
    ticket: z.string().describe('Goes into an address as `?ticket=`.'),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'Ticket' });

/** `POST /v1/tickets`: stands in for the key for a minute where no header can be sent. */
export function ticketRoute(app: FastifyInstance, context: ApiContext): void {
  app.post(
    '/v1/tickets',
    {
      config: { access: 'key' },
      schema: {
        summary: 'A ticket for a minute',
        description:
          'Browsers cannot send a key with a WebSocket, an EventSource or a link. A ticket does in its place, as `?ticket=`: for any `GET` until it expires, or for one WebSocket. It has the scopes of the key and ends with it.',
        tags: ['operations'],
        response: {
          201: { description: 'The ticket.', content: { 'application/json': { schema: ticketSchema } } },
          ...errorResponses(['backend_unavailable']),
        },
      },
    },
    async (request, reply) => {
      const { ticket, expiresAtMs } = await context.access.issueTicket(request.principal);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ticket, expires_at: new Date(expiresAtMs).toISOString() } satisfies z.output<typeof ticketSchema>);
    },
  );
}
