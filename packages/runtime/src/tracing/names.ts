/** Names of spans. Each says where it is made; docs/operations.md lists them for operators. */
export const SPAN = {
  /** API node: a recording read, searched for speech and queued; from its first byte to its last chunk. */
  intake: 'intake',
  /** Worker: a chunk or an utterance waits, from queued to the beginning of its batch. */
  queue: 'queue',
  /** Worker: a chunk or an utterance in its batch. */
  transcribe: 'transcribe',
  /** Worker: one run of the model, a trace of its own with a link to the `transcribe` or `partial` of every member. */
  batch: 'batch',
  /** Worker: the result of a chunk or an utterance is stored. */
  result: 'result',
  /** Worker: a partial of a live session, or the text of an utterance that rests, from picked up to told. */
  partial: 'partial',
  /** API node: results become the transcript. */
  assemble: 'assemble',
  /** API node: one attempt at a webhook. */
  webhook: 'webhook',
  /** Relay: a live session as one relay has it. */
  liveSession: 'live session',
} as const;

/** Names of attributes of spans. Values are numbers, booleans, ids, codes and names of models: never audio, text, file names, prompts, URLs or keys. */
export const ATTRIBUTE = {
  /** Id of the job or the live session. */
  job: 'murmuration.job.id',
  /** `live`, `interactive` or `batch`. */
  lane: 'murmuration.lane',
  model: 'murmuration.model',
  /** Number of the chunk or the utterance. */
  item: 'murmuration.item',
  /** Times that the chunk was handed out. */
  attempt: 'murmuration.attempt',
  audioSeconds: 'murmuration.audio.seconds',
  speechSeconds: 'murmuration.audio.speech_seconds',
  chunks: 'murmuration.chunks',
  queueSeconds: 'murmuration.queue.seconds',
  batchRows: 'murmuration.batch.rows',
  paddedSeconds: 'murmuration.batch.padded_seconds',
  /** True where no text came of it. */
  emptyResult: 'murmuration.result.empty',
  /** Pieces of text that a filter took away. */
  filtered: 'murmuration.result.filtered',
  /** `ok`, or why the result was not taken; of a partial `told`, `overtaken`, `kept` (its utterance may be over) or `no_room`. */
  outcome: 'murmuration.outcome',
  /** Code of docs/errors.md. */
  errorCode: 'error.type',
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',
  rpcMethod: 'rpc.method',
  rpcStatus: 'rpc.grpc.status_code',
} as const;

export type SpanAttributes = Readonly<
  Partial<Record<(typeof ATTRIBUTE)[keyof typeof ATTRIBUTE], string | number | boolean>>
>;
