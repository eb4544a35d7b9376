// Also an entry point of its own (`@murmuration/contracts/errors`) for threads that start often: it loads no schema library.

/** How a refusal is told: HTTP status, gRPC status name, error type of OpenAI's shape, and whether the same request may succeed later. */
export interface ErrorKind {
  readonly http: number;
  readonly grpc: string;
  readonly type:
    | 'invalid_request_error'
    | 'authentication_error'
    | 'permission_error'
    | 'not_found_error'
    | 'rate_limit_error'
    | 'insufficient_quota'
    | 'server_error';
  /** True when repeating the same request later may succeed. */
  readonly retry: boolean;
  /** What `Retry-After` says where the thrower knows nothing better, seconds; null: nothing. */
  readonly retryAfterSeconds: number | null;
  /** One sentence for the documentation: what it means and what to do. */
  readonly meaning: string;
}

const invalid = (http: number, meaning: string, grpc = 'INVALID_ARGUMENT'): ErrorKind => ({
  http,
  grpc,
  type: 'invalid_request_error',
  retry: false,
  retryAfterSeconds: null,
  meaning,
});
const server = (
  http: number,
  grpc: string,
  retry: boolean,
  meaning: string,
  retryAfterSeconds: number | null = null,
): ErrorKind => ({ http, grpc, type: 'server_error', retry, retryAfterSeconds, meaning });

/** Every error that a service may return, by its stable code. Documented in `docs/errors.md`; a test holds both together. */
export const ERRORS = {
  invalid_request: invalid(400, 'The request is malformed. Read the message, mend the request, send it again.'),
  invalid_field: invalid(
    400,
    'A field has a value it may not have. The error names the field in `param` and says what is allowed.',
  ),
  unknown_field: invalid(400, 'A field is not known. Check its spelling against the API description.'),
  missing_file: invalid(
    400,
    'No audio was sent. Send it in the form field `file`, or as the raw body with its content type.',
  ),
  multiple_files: invalid(400, 'More than one file was sent. Send one recording a request.'),
  empty_file: invalid(400, 'The file has no bytes. Check that the recording was written before it is sent.'),
  url_not_allowed: invalid(
    400,
    'The URL may not be fetched: it is not http or https, holds a user or password, or leads to an address that is not public. Use a public one.',
  ),
  unsupported_language: invalid(
    400,
    'The loaded model does not know the language. Use one that `GET /capabilities` lists.',
  ),
  unsupported_task: invalid(
    400,
    'The loaded model cannot do the task (for example translate). Use a multilingual model.',
  ),
  word_timestamps_unavailable: invalid(
    400,
    'The loaded model gives no word times. Use the model that the message names.',
  ),
  unauthenticated: {
    http: 401,
    grpc: 'UNAUTHENTICATED',
    type: 'authentication_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'No valid API key was sent. Send `Authorization: Bearer KEY`.',
  },
  permission_denied: {
    http: 403,
    grpc: 'PERMISSION_DENIED',
    type: 'permission_error',
    retry: false,
    retryAfterSeconds: null,
    meaning:
      'The API key may not do this, or a page of this origin, or a request for this host. Use a key that has the scope; the operator lists origins and hosts.',
  },
  not_found: {
    http: 404,
    grpc: 'NOT_FOUND',
    type: 'not_found_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'Nothing is there. Check the address and the id.',
  },
  model_not_found: {
    http: 404,
    grpc: 'NOT_FOUND',
    type: 'not_found_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'No worker serves this model. Use one that `GET /v1/models` lists.',
  },
  job_exists: {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    type: 'invalid_request_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'A job of this id is there already. Choose another id, or ask for that job.',
  },
  idempotency_conflict: {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    type: 'invalid_request_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'The Idempotency-Key was used for another request in the last 24 hours. Use a new key for a new request.',
  },
  job_not_done: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    type: 'invalid_request_error',
    retry: true,
    retryAfterSeconds: null,
    meaning: 'The job has no result yet; the message tells its status. Follow its events, or ask again later.',
  },
  no_webhook: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    type: 'invalid_request_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'The job was submitted without a webhook, so that there is nothing to deliver.',
  },
  result_expired: {
    http: 410,
    grpc: 'NOT_FOUND',
    type: 'not_found_error',
    retry: false,
    retryAfterSeconds: null,
    meaning:
      'The result is gone: its time to be kept is over, or it was deleted. Submit the recording again; `retention_seconds` keeps results longer.',
  },
  method_not_allowed: invalid(
    405,
    'The address does not take this method. The `Allow` header says which it takes.',
    'UNIMPLEMENTED',
  ),
  upload_timeout: {
    http: 408,
    grpc: 'DEADLINE_EXCEEDED',
    type: 'invalid_request_error',
    retry: true,
    retryAfterSeconds: null,
    meaning: 'The upload stopped arriving. Send it again over a steadier connection.',
  },
  file_too_large: invalid(
    413,
    'The upload is larger than the limit. Send a compressed format or split the recording.',
    'RESOURCE_EXHAUSTED',
  ),
  too_many_parts: invalid(
    413,
    'The form has too many parts or fields. Send one file and the documented fields.',
    'RESOURCE_EXHAUSTED',
  ),
  unsupported_media_type: invalid(
    415,
    'The body is of a type the endpoint does not take. Send multipart/form-data, or the audio with its content type.',
  ),
  unprocessable_audio: invalid(422, 'The bytes are not audio that can be decoded. Check the file by playing it.'),
  url_unreachable: {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    type: 'invalid_request_error',
    retry: true,
    retryAfterSeconds: null,
    meaning: 'The URL does not deliver a recording. Check that it can be fetched from the server, or send the file.',
  },
  audio_too_long: invalid(422, 'The recording is longer than the limit. Split it.'),
  decoder_unavailable: invalid(
    422,
    'The format needs ffmpeg, which the server lacks. Send wav, mp3, flac or ogg, or install ffmpeg on the server.',
    'FAILED_PRECONDITION',
  ),
  queue_full: {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'rate_limit_error',
    retry: true,
    retryAfterSeconds: null,
    meaning: 'More work is waiting than is admitted. Wait for the seconds in `Retry-After`, then send it again.',
  },
  insufficient_quota: {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    type: 'insufficient_quota',
    retry: false,
    retryAfterSeconds: null,
    meaning:
      "The owner of this API key has used up its audio of this month. `Retry-After` says when the next month begins; the operator can raise the key's quota.",
  },
  invalid_message: invalid(
    400,
    'A message is none that the protocol knows, or has a wrong shape. The message says what was expected.',
  ),
  invalid_resume: {
    http: 404,
    grpc: 'PERMISSION_DENIED',
    type: 'permission_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'There is no such session to resume, or the token is not its own. Start a new session.',
  },
  session_lost: {
    http: 409,
    grpc: 'ABORTED',
    type: 'invalid_request_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'Another connection has taken the session over, or the store has lost it. Close this one.',
  },
  deadline_exceeded: {
    http: 504,
    grpc: 'DEADLINE_EXCEEDED',
    type: 'invalid_request_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'The call took longer than its deadline. Set a longer one, or submit a job.',
  },
  cancelled: {
    http: 499,
    grpc: 'CANCELLED',
    type: 'invalid_request_error',
    retry: false,
    retryAfterSeconds: null,
    meaning: 'The client went away or cancelled the work.',
  },
  internal: server(500, 'INTERNAL', true, 'The server met a fault of its own. Report the request id of the answer.'),
  transcription_failed: server(
    500,
    'INTERNAL',
    false,
    'The recording could not be transcribed. Report the request id of the answer.',
  ),
  backend_unavailable: server(
    503,
    'UNAVAILABLE',
    true,
    'The store of the queue does not answer. Wait for the seconds in `Retry-After`, then send it again.',
    2,
  ),
  no_worker: server(
    503,
    'UNAVAILABLE',
    true,
    'No worker took the work in time. `GET /health` says why. Wait for the seconds in `Retry-After`.',
    5,
  ),
  shutting_down: server(
    503,
    'UNAVAILABLE',
    true,
    'The server is stopping. Send it again: another one, or the new one, takes it.',
    1,
  ),
  storage_full: server(
    507,
    'RESOURCE_EXHAUSTED',
    true,
    'The disk of the server is full. Tell its operator, then send it again.',
    30,
  ),
} as const satisfies Record<string, ErrorKind>;

/** A stable error code: clients may branch on it. */
export type ErrorCode = keyof typeof ERRORS;

/** A refusal or failure that a client is told about, by its stable code. Anything else that is thrown is `internal` and told without details. */
export class AsrError extends Error {
  override readonly name = 'AsrError';
  readonly code: ErrorCode;
  /** The field at fault, or null. */
  readonly param: string | null;
  /** Seconds after which a retry makes sense, or null. */
  readonly retryAfterSeconds: number | null;

  /** @param message a sentence that says what to do; holds no path, transcript, key or file name */
  constructor(
    code: ErrorCode,
    message?: string,
    more: { param?: string | null; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message ?? ERRORS[code].meaning, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.param = more.param ?? null;
    this.retryAfterSeconds = more.retryAfterSeconds ?? this.kind.retryAfterSeconds;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }

  /** Value of the header `Retry-After`: whole seconds, 1 or more; null: no header. */
  get retryAfter(): string | null {
    return this.retryAfterSeconds === null ? null : String(Math.max(1, Math.ceil(this.retryAfterSeconds)));
  }

  /** A plain form that crosses threads and Redis. */
  toRecord(): ErrorRecord {
    return { code: this.code, message: this.message, param: this.param, retryAfterSeconds: this.retryAfterSeconds };
  }

  static fromRecord(record: ErrorRecord): AsrError {
    const code = record.code in ERRORS ? record.code : 'internal';
    return new AsrError(code, record.message, {
      param: record.param,
      ...(record.retryAfterSeconds === null ? {} : { retryAfterSeconds: record.retryAfterSeconds }),
    });
  }

  /** The error itself when it is one of ours, else `internal` with the original as its cause. */
  static from(error: unknown): AsrError {
    return error instanceof AsrError ? error : new AsrError('internal', undefined, { cause: error });
  }
}

export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
}
