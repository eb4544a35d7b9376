import { Metadata, status } from '@grpc/grpc-js';
import type { AsrError } from '@murmuration/contracts';
import protobuf from 'protobufjs';

/** A status as grpc-js takes it, at the end of a call and as the error of a handler. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * How a call ends with this error. Its trailers: `murmuration-code`, `murmuration-param` and `murmuration-retry-after-seconds` where there are such,
 * and the same as `grpc-status-details-bin`.
 */
export function statusOf(error: AsrError): CallStatus {
  const code = numberOf(error.kind.grpc);
  // grpc-js writes the sentence with encodeURI, which throws on half a surrogate pair.
  const details = error.message.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
  const metadata = new Metadata();
  metadata.set('murmuration-code', error.code);
  if (error.param !== null) metadata.set('murmuration-param', error.param.replaceAll(/[^ -~]/g, '?'));
  if (error.retryAfterSeconds !== null)
    metadata.set('murmuration-retry-after-seconds', String(error.retryAfterSeconds));
  metadata.set('grpc-status-details-bin', Buffer.from(statusDetails(error, code, details)));
  return { code, details, metadata };
}

/** Number of a gRPC status name. */
function numberOf(name: string): status {
  const code = (status as unknown as Readonly<Record<string, status | undefined>>)[name];
  if (code === undefined) throw new Error(`${name} is no gRPC status`);
  return code;
}

const { Writer } = protobuf;
/** Wire types of protocol buffers that are used here: field number times eight, plus 0 for a whole number and 2 for bytes. */
const [NUMBER, BYTES] = [0, 2];

/**
 * The error as `google.rpc.Status` with `ErrorInfo` (reason: our code; domain: murmuration; metadata: param) and, where the time is known, `RetryInfo`:
 * what clients of other languages read out of `grpc-status-details-bin`. The messages are those of googleapis' google/rpc/status.proto and error_details.proto.
 */
function statusDetails(error: AsrError, code: number, message: string): Uint8Array {
  const status = new Writer().uint32(tag(1, NUMBER)).int32(code).uint32(tag(2, BYTES)).string(message);
  add(status, 3, any('google.rpc.ErrorInfo', errorInfo(error)));
  if (error.retryAfterSeconds !== null) add(status, 3, any('google.rpc.RetryInfo', retryInfo(error.retryAfterSeconds)));
  return status.finish();
}

function errorInfo(error: AsrError): Uint8Array {
  const info = new Writer().uint32(tag(1, BYTES)).string(error.code).uint32(tag(2, BYTES)).string('murmuration');
  if (error.param !== null)
    add(info, 3, new Writer().uint32(tag(1, BYTES)).string('param').uint32(tag(2, BYTES)).string(error.param).finish());
  return info.finish();
}

function retryInfo(seconds: number): Uint8Array {
  const whole = Math.floor(seconds);
  const duration = new Writer()
    .uint32(tag(1, NUMBER))
    .int64(whole)
    .uint32(tag(2, NUMBER))
    .int32(Math.round((seconds - whole) * 1e9));
  return add(new Writer(), 1, duration.finish()).finish();
}

function any(type: string, value: Uint8Array): Uint8Array {
  return add(new Writer().uint32(tag(1, BYTES)).string(`type.googleapis.com/${type}`), 2, value).finish();
}

function add(writer: protobuf.Writer, field: number, value: Uint8Array): protobuf.Writer {
  return writer.uint32(tag(field, BYTES)).bytes(value);
}

function tag(field: number, wireType: number): number {
  return field * 8 + wireType;
}
