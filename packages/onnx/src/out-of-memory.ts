/**
 * Phrases by which the runtime and its devices say that memory ran out. Sources: `BFCArena` and `CUDA_CALL` of onnxruntime,
 * the allocator of libstdc++, V8's array buffers.
 */
const PHRASES = [/bad_alloc/i, /failed to allocate memory/i, /out of memory/i, /cuda(?:error)?[ _]?(?:error)?memoryallocation/i, /array buffer allocation failed/i, /available memory of \d+ is smaller than requested/i, /CUBLAS_STATUS_ALLOC_FAILED/];

/** True when an error of `OnnxSession.run` or `openSession` says that the device's or the machine's memory is short: a smaller batch may succeed. */
export function isOutOfMemory(error: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return PHRASES.some((phrase) => phrase.test(message));
}
