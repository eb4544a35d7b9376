import { AsrError, type ErrorRecord } from '@murmuration/contracts';
import type * as proto from '@murmuration/contracts/grpc';

export function faultMessage(record: ErrorRecord): proto.Fault {
  const { code, message, param, retryAfterSeconds, kind } = AsrError.fromRecord(record);
  return { code, message, param, retryable: kind.retry, retryAfterSeconds };
}
