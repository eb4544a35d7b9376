/**
 * What went wrong: the runtime's own status codes, and what this package adds to them:
 * - `library_missing`, `library_version`, `symbol_missing`: the runtime's shared library cannot be used;
 * - `provider_missing`, `driver_missing`: a device cannot be had;
 * - `cancelled`: a run was ended by its signal;
 * - `closed`: the session or tensor was used after it was given up.
 */
export type OnnxErrorCode =
  | (typeof STATUS_CODES)[number]
  | 'library_missing'
  | 'library_version'
  | 'symbol_missing'
  | 'provider_missing'
  | 'driver_missing'
  | 'cancelled'
  | 'closed';

/** `OrtErrorCode` of onnxruntime_c_api.h from 1 on. */
const STATUS_CODES = [
  'failed',
  'invalid_argument',
  'no_such_file',
  'no_model',
  'engine_error',
  'runtime_exception',
  'invalid_protobuf',
  'model_loaded',
  'not_implemented',
  'invalid_graph',
  'provider_failed',
  'load_cancelled',
  'needs_compilation',
  'not_found',
] as const;

/** An error of the runtime or of this package; the message is a sentence. `isOutOfMemory` says whether a smaller batch may pass. */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';
  readonly code: OnnxErrorCode;

  constructor(code: OnnxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The name of one of the runtime's status numbers; those of later versions are `failed`. */
export function statusCode(status: number): OnnxErrorCode {
  return STATUS_CODES[status - 1] ?? 'failed';
}

/**
 * Phrases by which the runtime and its devices say that memory ran out. Sources: `BFCArena` and `CUDA_CALL` of onnxruntime,
 * the allocator of libstdc++, V8's array buffers.
 */
const PHRASES = [
  /bad_alloc/i,
  /failed to allocate memory/i,
  /out of memory/i,
  /cuda(?:error)?[ _]?(?:error)?memoryallocation/i,
  /array buffer allocation failed/i,
  /available memory of \d+ is smaller than requested/i,
  /CUBLAS_STATUS_ALLOC_FAILED/,
];

/** True when an error of `OnnxSession.run` or `openSession` says that the device's or the machine's memory is short: a smaller batch may succeed. */
export function isOutOfMemory(error: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return PHRASES.some((phrase) => phrase.test(message));
}
