import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import { LogController, fastify, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { AsrError } from '@murmuration/contracts';
import { browserRefusal } from '@murmuration/runtime';
import { useAccess } from './access/use-access.js';
import type { ApiContext } from './api-context.js';
import { replyToBadClient, replyWithError, useErrorReplies } from './errors/error-replies.js';
import { capabilitiesRoute } from './routes/capabilities.js';
import { deepgramListenRoute } from './routes/v1/listen.js';
import { collectDescription, docsRoutes } from './routes/docs.js';
import { AskedUpgrade } from './relay/asked-upgrade.js';
import { healthRoute } from './routes/health.js';
import { jobEventsRoute } from './routes/v1/jobs/events.js';
import { jobSubmitRoute } from './routes/v1/jobs/submit.js';
import { jobTranscriptRoutes } from './routes/v1/jobs/transcript.js';
import { jobRoutes } from './routes/v1/jobs/jobs.js';
import { modelRoutes } from './routes/v1/models.js';
import { openAiAudioRoutes } from './routes/v1/audio.js';
import { realtimeSecretsRoute } from './routes/v1/realtime.js';
import { forwardToRelay } from './relay/forward-upgrades.js';
import { sessionEventsRoute } from './routes/v1/sessions.js';
import { sessionsRoute } from './routes/sessions.js';
import { ticketRoute } from './routes/v1/tickets.js';
import { transcribeRoutes } from './routes/transcribe.js';
import { drainRest } from './upload/drain-rest.js';

/** What scripts of other origins may read of an answer. */
const EXPOSED_HEADERS = ['x-request-id', 'retry-after', 'location', 'etag', 'idempotent-replayed', 'x-filtered-texts'];
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Builds the HTTP door; nothing listens yet. */
export async function createApp(door: ApiContext): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = door.logger;
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    // Uploads take as long as they take: `BodyReader` watches over idle ones.
    requestTimeout: 0,
    keepAliveTimeout: 72_000,
    http: { headersTimeout: 30_000, maxHeaderSize: 16 * 1024, IncomingMessage: AskedUpgrade },
    return503OnClosing: false,
    clientErrorHandler: replyToBadClient,
    frameworkErrors: (error, request, reply) => { replyWithError(request, reply.header('x-request-id', request.id), error); },
    routerOptions: { maxParamLength: 512 },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  useBodiesAsStreams(app);
  useErrorReplies(app);
  useEveryAnswer(app, door);
  useBrowserRules(app, door);
  if (door.config.CORS_ORIGINS.length > 0) {
    await app.register(cors, { origin: door.config.CORS_ORIGINS.includes('*') ? '*' : [...door.config.CORS_ORIGINS], methods: ['GET', 'HEAD', 'POST', 'DELETE'], exposedHeaders: EXPOSED_HEADERS, maxAge: 3_600 });
  }
  forwardToRelay(app.server, { relayUrl: door.config.ENABLE_WEBSOCKET ? door.config.RELAY_URL ?? null : null, stopping: () => door.stopping(), leaving: door.leaving, abandoned: door.abandoned });
  useAccess(app, door.access);
  await collectDescription(app);
  await app.register(async (scope) => {
    healthRoute(scope, door);
    if (!door.config.ENABLE_REST) return;
    transcribeRoutes(scope, door);
    openAiAudioRoutes(scope, door);
    jobSubmitRoute(scope, door);
    jobRoutes(scope, door);
    jobTranscriptRoutes(scope, door);
    jobEventsRoute(scope, door);
    deepgramListenRoute(scope, door);
    realtimeSecretsRoute(scope, door);
    modelRoutes(scope, door);
    capabilitiesRoute(scope, door);
    sessionsRoute(scope, door);
    sessionEventsRoute(scope, door);
    ticketRoute(scope, door);
    await docsRoutes(scope, door);
  });
  return app;
}

/** No body is read for a route: those that want one read it as it comes, and the others are answered while it is dropped. */
function useBodiesAsStreams(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => { done(null, payload); });
  app.server.on('checkContinue', (request, response) => { app.server.emit('request', request, response); });
}

/** Refuses what a page of a stranger sends, and without keys names that a stranger can make point here: `permission_denied`. */
function useBrowserRules(app: FastifyInstance, door: ApiContext): void {
  const rules = { origins: door.config.CORS_ORIGINS, hosts: door.config.ALLOWED_HOSTS, open: door.access.open };
  app.addHook('onRequest', (request, _reply, done) => {
    const refusal = browserRefusal(request, rules);
    done(refusal === null ? undefined : new AsrError('permission_denied', refusal));
  });
}

function useEveryAnswer(app: FastifyInstance, door: ApiContext): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    // A connection that would be kept keeps a stopping node from its end; one that still sends would not see the answer.
    if (door.stopping() && request.raw.complete) void reply.header('connection', 'close');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    door.onAnswer(route, reply.raw.statusCode, reply.elapsedTime);
    request.log.info({ method: request.method, route, status: reply.raw.statusCode, durationMs: Math.round(reply.elapsedTime) }, 'answered');
    drainRest(request.raw);
    done();
  });
}
