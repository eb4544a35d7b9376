import { createHash, type Hash } from 'node:crypto';
import { z } from 'zod';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AsrError, ERRORS, type ErrorCode } from '@murmuration/contracts';
import type { TranscriptionService } from '@murmuration/transcribe';
import { logFault, toAsrError } from '@murmuration/service';
import type { ApiContext } from '../../api-context.js';
import {
  deepgramReader,
  deepgramFieldsSchema,
  deepgramUrlSchema,
  rawFormatOf,
  type DeepgramAnswer,
} from '../../fields/deepgram-fields.js';
import { FieldBag, type UploadReader } from '../../fields/field-bag.js';
import { guardedJson } from '../../fields/json-fields.js';
import { deepgramJson, deepgramJsonSchema } from '../../replies/deepgram-json.js';
import { errorResponses, UPLOAD_ERRORS } from '../../replies/error-responses.js';
import { type TranscribedUpload, transcribeUrl } from '../../transcribe-recording.js';
import { clientGone } from '../../upload/client-connection.js';
import { readText } from '../../upload/body-reader.js';
import { RawSamplesService } from '../../upload/raw-samples.js';
import { isJson } from '../../upload/upload-headers.js';
import { receiveUpload, unvalidated, uploadSchema, WHOLE } from '../../upload/upload-route.js';

/** Where Deepgram's clients know its own status, code and words (developers.deepgram.com, errors): audio that cannot be read, and a URL that gives none. */
const UNREADABLE = {
  code: 'Bad Request',
  message: 'Bad Request: failed to process audio: corrupt or unsupported data',
} as const;
const IN_DEEPGRAM_WORDS: Readonly<Partial<Record<ErrorCode, { readonly code: string; readonly message: string }>>> = {
  unprocessable_audio: UNREADABLE,
  decoder_unavailable: UNREADABLE,
  url_unreachable: { code: 'REMOTE_CONTENT_ERROR', message: 'The remote server hosting the media does not deliver it' },
};
const LISTEN_ERRORS: readonly ErrorCode[] = [...UPLOAD_ERRORS, 'url_not_allowed', 'url_unreachable'];
/** Deepgram's shape of an error. */
const errorSchema = z
  .object({
    err_code: z.enum([
      ...(Object.keys(ERRORS) as ErrorCode[]),
      ...Object.values(IN_DEEPGRAM_WORDS).map(({ code }) => code),
    ]),
    err_msg: z.string(),
    request_id: z.string(),
  })
  .meta({ id: 'DeepgramError', description: "What went wrong, in the shape of Deepgram's API. See docs/errors.md." });

/** `POST /v1/listen`, as Deepgram's clients know it. */
export function deepgramListenRoute(app: FastifyInstance, context: ApiContext): void {
  const refusals = Object.fromEntries(
    Object.entries(errorResponses(LISTEN_ERRORS.filter((code) => IN_DEEPGRAM_WORDS[code] === undefined))).map(
      ([status, { description }]) => [
        status,
        { description, content: { 'application/json': { schema: errorSchema } } },
      ],
    ),
  );
  app.post(
    '/v1/listen',
    {
      config: { access: ['transcribe'] },
      schema: {
        summary: "Transcribe a recording, as Deepgram's API does",
        description:
          'The recording is the body, or the body is JSON with its `url`. Options are query parameters; those that are not known are let pass.',
        tags: ['deepgram'],
        ...uploadSchema(deepgramFieldsSchema),
        response: {
          200: { description: 'The transcript.', content: { 'application/json': { schema: deepgramJsonSchema } } },
          ...refusals,
        },
      },
      validatorCompiler: unvalidated,
      errorHandler: (error, request, reply) => {
        replyAsDeepgram(request, reply, error);
      },
    },
    async (request, reply) => {
      const created = new Date().toISOString();
      const hash = createHash('sha256');
      const format = rawFormatOf(request.query);
      const service = format === null ? context.service : new RawSamplesService(context.service, format);
      const hashing: ApiContext = { ...context, service: new HashingService(service, hash) };
      const reader = deepgramReader(await givesWords(context, request));
      const { transcript, answer } = isJson(request.raw.headers)
        ? await fromUrl(hashing, request, reply, reader)
        : await receiveUpload<DeepgramAnswer>(hashing, request, reply, reader, WHOLE);
      return reply.send(
        deepgramJson(transcript, answer, { requestId: request.id, created, sha256: hash.digest('hex') }),
      );
    },
  );
}

async function givesWords(context: ApiContext, request: FastifyRequest): Promise<boolean> {
  const { model } = request.query as { readonly model?: unknown };
  const card = await context.service.resolveModel(typeof model === 'string' ? model : null);
  return card.model.wordTimes !== 'none';
}

async function fromUrl(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  reader: UploadReader<DeepgramAnswer>,
): Promise<TranscribedUpload<DeepgramAnswer>> {
  if (context.stopping()) throw new AsrError('shutting_down');
  const bag = new FieldBag(reader.lists);
  bag.addQuery(request.query);
  const { options, answer } = reader.read(bag);
  const signal = AbortSignal.any([clientGone(reply.raw), context.abandoned]);
  const body = deepgramUrlSchema.safeParse(
    guardedJson(await readText({ message: request.raw, response: reply.raw, signal }, context.limits), 'The body'),
  );
  if (!body.success)
    throw new AsrError('invalid_field', 'url: a JSON body names the recording in `url`.', { param: 'url' });
  const transcript = await context.uploads
    .run(request.principal.owner, () =>
      transcribeUrl(context, {
        url: body.data.url,
        options,
        owner: request.principal.owner,
        trace: request.trace,
        signal,
      }),
    )
    .catch((error: unknown) => {
      throw context.abandoned.aborted ? new AsrError('shutting_down') : error;
    });
  return { transcript, answer };
}

function replyAsDeepgram(request: FastifyRequest, reply: FastifyReply, thrown: unknown): void {
  const error = toAsrError(thrown);
  logFault(request, error);
  if (error.retryAfter !== null) void reply.header('retry-after', error.retryAfter);
  if (error.code === 'unauthenticated') void reply.header('www-authenticate', 'Token realm="murmuration"');
  const words = IN_DEEPGRAM_WORDS[error.code];
  const [code, message] =
    words === undefined
      ? [error.code, error.message]
      : [words.code, `${words.message} (${error.code}: ${error.message})`];
  void reply
    .code(words === undefined ? error.kind.http : 400)
    .header('dg-error', error.code)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ err_code: code, err_msg: message, request_id: request.id } satisfies z.output<typeof errorSchema>);
}

/** The service, with a digest of the bytes that it reads. */
class HashingService implements TranscriptionService {
  readonly #service: TranscriptionService;
  readonly #hash: Hash;

  constructor(service: TranscriptionService, hash: Hash) {
    this.#service = service;
    this.#hash = hash;
  }

  resolveModel: TranscriptionService['resolveModel'] = (name) => this.#service.resolveModel(name);
  status: TranscriptionService['status'] = () => this.#service.status();
  activeJobs: TranscriptionService['activeJobs'] = (whose) => this.#service.activeJobs(whose);
  start: TranscriptionService['start'] = (request) =>
    this.#service.start({ ...request, source: this.#hashed(request.source) });

  async *#hashed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of source) {
      this.#hash.update(bytes);
      yield bytes;
    }
  }
}
