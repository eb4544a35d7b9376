import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { AsrError } from '@murmuration/contracts';
import { SECURITY_SCHEMES } from '../access/api-access.js';
import type { ApiContext } from '../api-context.js';
import { describeBodies } from '../upload/upload-route.js';

const REDOC = 'redoc.standalone.js';
/** The page brings no script of its own; the bundle styles by itself and searches in a worker. Its logo from elsewhere stays out. */
const REDOC_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; frame-ancestors 'none'";
const REDOC_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Murmuration API</title><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><redoc spec-url="/openapi.json"></redoc><script src="/redoc/${REDOC}"></script></body></html>
`;

/** Collects the API description from the routes that are added after it. */
export async function collectDescription(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Murmuration',
        version: '0.1.0',
        description:
          "Speech in, text out. Errors have OpenAI's shape, with a stable `code`; every answer has `x-request-id`.",
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: SECURITY_SCHEMES },
    },
    transform: jsonSchemaTransform,
    transformObject: (input) => {
      const document = jsonSchemaTransformObject(input);
      describeBodies(document);
      nameWildcards(document);
      dropInputForms(document);
      return document;
    },
  });
}

/** `/docs` (Swagger UI), `/redoc`, `/openapi.json`; nothing is fetched from other hosts. */
export async function docsRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  const hidden = { config: { access: 'public' as const }, schema: { hide: true } };
  app.get('/openapi.json', hidden, async (_request, reply) =>
    reply.serializer(JSON.stringify).type('application/json; charset=utf-8').send(app.swagger()),
  );
  const script = join(context.config.WEB_DIR, REDOC);
  app.get('/redoc', hidden, async (_request, reply) => {
    void reply.header('content-security-policy', REDOC_POLICY);
    if ((await sizeOf(script)) === null)
      return reply
        .type('text/plain; charset=utf-8')
        .send(
          'The script of this page is not here: npm start fetches it. The same description is at /docs and /openapi.json.\n',
        );
    return reply.type('text/html; charset=utf-8').send(REDOC_PAGE);
  });
  app.get(`/redoc/${REDOC}`, hidden, async (_request, reply) => {
    const size = await sizeOf(script);
    if (size === null) throw new AsrError('not_found');
    return reply
      .type('text/javascript; charset=utf-8')
      .header('content-length', size)
      .header('cache-control', 'public, max-age=3600')
      .send(createReadStream(script));
  });
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : null),
    () => null,
  );
}

/** The framework's wildcard is a parameter without a name; in the description it is the id that it stands for. */
function nameWildcards(document: object): void {
  const { paths } = document as { paths?: Record<string, Record<string, { parameters?: { name: string }[] }>> };
  for (const [path, operations] of Object.entries(paths ?? {})) {
    if (paths === undefined || !path.includes('{*}')) continue;
    for (const parameter of Object.values(operations).flatMap((operation) => operation.parameters ?? [])) {
      if (parameter.name === '*') parameter.name = 'id';
    }
    paths[path.replace('{*}', '{id}')] = operations;
    Reflect.deleteProperty(paths, path);
  }
}

/** Named schemas are answers only; the forms they would have in requests are referred to by nothing. */
function dropInputForms(document: object): void {
  const { schemas } = (document as { components?: { schemas?: Record<string, unknown> } }).components ?? {};
  for (const name of Object.keys(schemas ?? {})) {
    if (schemas !== undefined && name.endsWith('Input')) Reflect.deleteProperty(schemas, name);
  }
}
