import { Metadata, status } from '@grpc/grpc-js';
import type { AsrError } from '@murmuration/contracts';
import { statusDetails } from './status-details.js';

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
  if (error.retryAfterSeconds !== null) metadata.set('murmuration-retry-after-seconds', String(error.retryAfterSeconds));
  metadata.set('grpc-status-details-bin', Buffer.from(statusDetails(error, code, details)));
  return { code, details, metadata };
}

/** Number of a gRPC status name. */
function numberOf(name: string): status {
  const code = (status as unknown as Readonly<Record<string, status | undefined>>)[name];
  if (code === undefined) throw new Error(`${name} is no gRPC status`);
  return code;
}
