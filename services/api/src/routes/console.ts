import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { AsrError } from '@murmuration/contracts';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { ApiContext } from '../api-context.js';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Names as the build writes them: flat, with a hash of the content. */
const ASSET_NAME = /^[\w-]+(?:\.[\w-]+)*\.(?:js|css|svg)$/;
const NONCE_PLACE = /__CSP_NONCE__/g;
const NOT_BUILT =
  'The console is not built: npm start and npm test build it. The API is described at /docs and /openapi.json.\n';

/** Scripts and requests of this origin only; the nonce is for the style element that the waveform puts into its shadow tree. */
function policyWith(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self' blob:",
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** `GET /`: the console, a page that uses the public API; `GET /assets/…`: its scripts and styles, which browsers may keep for ever. */
export function consoleRoutes(app: FastifyInstance, context: ApiContext): void {
  const folder = join(context.config.WEB_DIR, 'console');
  const hidden = { config: { access: 'public' as const }, schema: { hide: true } };
  app.get('/', hidden, async (_request, reply) => {
    const page = await fileOrNull(join(folder, 'index.html'));
    if (page === null) return reply.type('text/plain; charset=utf-8').send(NOT_BUILT);
    const nonce = randomBytes(16).toString('base64');
    return reply
      .type('text/html; charset=utf-8')
      .headers({
        'content-security-policy': policyWith(nonce),
        'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cache-control': 'no-cache',
      })
      .send(page.toString('utf8').replace(NONCE_PLACE, nonce));
  });
  app.get<{ Params: { name: string } }>('/assets/:name', hidden, async (request, reply) => {
    const { name } = request.params;
    if (!ASSET_NAME.test(name)) throw new AsrError('not_found');
    const path = join(folder, 'assets', name);
    const packed = takesGzip(request.headers['accept-encoding']) ? await fileOrNull(`${path}.gz`) : null;
    const content = packed ?? (await fileOrNull(path));
    if (content === null) throw new AsrError('not_found');
    if (packed !== null) void reply.header('content-encoding', 'gzip');
    return asset(reply, name).send(content);
  });
}

function asset(reply: FastifyReply, name: string): FastifyReply {
  return reply.type(TYPES[extname(name)] ?? 'application/octet-stream').headers({
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
  });
}

function takesGzip(accepted: string | string[] | undefined): boolean {
  return [accepted]
    .flat()
    .join(',')
    .split(',')
    .some((coding) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(coding));
}

async function fileOrNull(path: string): Promise<Buffer | null> {
  return readFile(path).catch(leaveAlone('unreadable', null));
}
