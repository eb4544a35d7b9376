import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { createHttpServer, replyWithError, useBrowserRules, useTracing, errorBody } from '@murmuration/service';
import { AsrError } from '@murmuration/contracts';
import { useApiAccess } from './access/api-access.js';
import type { ApiContext } from './api-context.js';
import { capabilitiesRoute } from './routes/capabilities.js';
import { clusterRoute } from './routes/v1/cluster.js';
import { consoleRoutes } from './routes/console.js';
import { deepgramListenRoute } from './routes/v1/listen.js';
import { collectDescription, docsRoutes } from './routes/docs.js';
import { AskedUpgrade, forwardToRelay } from './relay/forward-upgrades.js';
import { healthRoute } from './routes/health.js';
import { keyRoutes } from './routes/v1/keys.js';
import { jobEventsRoute } from './routes/v1/jobs/events.js';
import { jobRoutes, jobSubmitRoute } from './routes/v1/jobs/jobs.js';
import { jobTranscriptRoutes } from './routes/v1/jobs/transcript.js';
import { modelRoutes } from './routes/v1/models.js';
import { openAiAudioRoutes } from './routes/v1/audio.js';
import { realtimeSecretsRoute } from './routes/v1/realtime.js';
import { liveSessionRoutes } from './routes/v1/sessions.js';
import { sessionsRoute } from './routes/sessions.js';
import { usageRoute } from './routes/v1/usage.js';
import { ticketRoute } from './routes/v1/tickets.js';
import { asrRoutes } from './routes/asr.js';
import { transcribeRoutes } from './routes/transcribe.js';
import { drainRest } from './upload/client-connection.js';

/** What scripts of other origins may read of an answer. */
const EXPOSED_HEADERS = ['x-request-id', 'retry-after', 'location', 'etag', 'idempotent-replayed', 'x-filtered-texts'];
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Builds the HTTP server; nothing listens yet. */
export async function createApp(context: ApiContext): Promise<FastifyInstance> {
  const { access, config } = context;
  const app = createHttpServer(context.logger, {
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    // Uploads take as long as they take: `BodyReader` watches over idle ones.
    requestTimeout: 0,
    keepAliveTimeout: 72_000,
    http: { headersTimeout: 30_000, IncomingMessage: AskedUpgrade },
    return503OnClosing: false,
    clientErrorHandler: replyToBadClient,
    frameworkErrors: (error, request, reply) => {
      replyWithError(request, reply.header('x-request-id', request.id), error);
    },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  useTracing(app, context.tracing);
  useBodiesAsStreams(app);
  useUnroutableReplies(app);
  useEveryAnswer(app, context);
  useBrowserRules(app, { origins: config.CORS_ORIGINS, hosts: config.ALLOWED_HOSTS, open: access.open });
  if (config.CORS_ORIGINS.length > 0) {
    await app.register(cors, {
      origin: config.CORS_ORIGINS.includes('*') ? '*' : [...config.CORS_ORIGINS],
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: EXPOSED_HEADERS,
      maxAge: 3_600,
    });
  }
  forwardToRelay(app.server, {
    relayUrl: config.ENABLE_WEBSOCKET ? (config.RELAY_URL ?? null) : null,
    stopping: () => context.stopping(),
    leaving: context.leaving,
    abandoned: context.abandoned,
  });
  useApiAccess(app, access);
  await collectDescription(app);
  await app.register(async (scope) => {
    healthRoute(scope, context);
    if (!config.ENABLE_REST) return;
    transcribeRoutes(scope, context);
    openAiAudioRoutes(scope, context);
    asrRoutes(scope, context);
    jobSubmitRoute(scope, context);
    jobRoutes(scope, context);
    jobTranscriptRoutes(scope, context);
    jobEventsRoute(scope, context);
    deepgramListenRoute(scope, context);
    realtimeSecretsRoute(scope, context);
    modelRoutes(scope, context);
    capabilitiesRoute(scope, context);
    clusterRoute(scope, context);
    keyRoutes(scope, context);
    usageRoute(scope, context);
    sessionsRoute(scope, context);
    liveSessionRoutes(scope, context);
    ticketRoute(scope, context);
    await docsRoutes(scope, context);
    if (config.ENABLE_CONSOLE) consoleRoutes(scope, context);
  });
  return app;
}

/** No body is read for a route: those that want one read it as it comes, and the others are answered while it is dropped. */
function useBodiesAsStreams(app: FastifyInstance): void {
  app.addContentTypeParser('*', (_request, payload, done) => {
    done(null, payload);
  });
  app.server.on('checkContinue', (request, response) => {
    app.server.emit('request', request, response);
  });
}

function useEveryAnswer(app: FastifyInstance, context: ApiContext): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    // A connection that would be kept keeps a stopping node from its end; one that still sends would not see the answer.
    if (context.stopping() && request.raw.complete) void reply.header('connection', 'close');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    context.answers.add(route, reply.elapsedTime);
    context.onAnswer(route, reply.raw.statusCode, reply.elapsedTime, request.errorCode);
    request.log.info(
      { method: request.method, route, status: reply.raw.statusCode, durationMs: Math.round(reply.elapsedTime) },
      'answered',
    );
    drainRest(request.raw);
    done();
  });
}

/** Answers unknown addresses with `not_found`, and known ones that are asked with a wrong method with `method_not_allowed` and the methods they take. Call it before the routes are added. */
function useUnroutableReplies(app: FastifyInstance): void {
  const known = new Map<string, Set<string>>();
  app.addHook('onRoute', (route) => {
    const methods = known.get(route.url) ?? new Set<string>();
    for (const method of [route.method].flat()) methods.add(method);
    known.set(route.url, methods);
  });
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(known, request.url.split('?')[0] ?? '');
    if (allowed === null)
      return replyWithError(
        request,
        reply,
        new AsrError('not_found', 'Nothing is at this address. The addresses are listed in /docs.'),
      );
    void reply.header('allow', allowed.join(', '));
    return replyWithError(
      request,
      reply,
      new AsrError('method_not_allowed', `This address takes ${allowed.join(', ')}.`),
    );
  });
}

function methodsOf(known: ReadonlyMap<string, ReadonlySet<string>>, path: string): string[] | null {
  for (const [url, methods] of known) {
    if (url !== '/*' && url !== '*' && isAddressOf(url, path)) return [...methods].sort();
  }
  return null;
}

/** True when the path is one of a route's: parameters stand for one part, a star for all that follows. */
function isAddressOf(url: string, path: string): boolean {
  if (url.endsWith('/*')) return path.startsWith(url.slice(0, -1));
  const wanted = url.split('/');
  const parts = path.split('/');
  return (
    wanted.length === parts.length &&
    wanted.every((part, index) => (part.startsWith(':') ? parts[index] !== '' : part === parts[index]))
  );
}

const TOO_LARGE = 'HPE_HEADER_OVERFLOW';

/** Answers bytes that are not HTTP (400), or headers that are too large (431), in OpenAI's shape; the connection ends. */
function replyToBadClient(error: Error & { readonly code?: string }, socket: Socket): void {
  if (socket.destroyed) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const told = new AsrError(
    'invalid_request',
    error.code === TOO_LARGE ? "The request's headers are too large." : 'The request is not readable as HTTP.',
  );
  const body = JSON.stringify(errorBody(told));
  const status = error.code === TOO_LARGE ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
  );
}
