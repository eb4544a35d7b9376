import { MurmurationError } from '@murmuration/client/node';

/** Exit statuses of the commands that speak to a server. */
export const STATUS = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** What went wrong, for a person; the code and the request's id are there for who asks for help. Throws on what is no fault of the server's or of a file. */
export function sentence(error: unknown): string {
  if (error instanceof MurmurationError)
    return `${error.message} (${[error.code, ...(error.requestId === null ? [] : [`request ${error.requestId}`])].join(', ')})`;
  if (error instanceof Error && fileFaultCode(error) !== null) return error.message;
  throw error;
}

/** The same for a program. */
export function faultJson(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof MurmurationError) return { code: error.code, message: error.message };
  const code = error instanceof Error ? fileFaultCode(error) : null;
  if (code === null) throw error;
  return { code, message: sentence(error) };
}

/** The exit status that tells of the fault. */
export function statusOf(error: unknown): number {
  return error instanceof MurmurationError && error.code === 'unreachable' ? STATUS.unreachable : STATUS.failed;
}

/** True for faults that every further request would meet as well. */
export function concernsAll(error: unknown): boolean {
  return (
    error instanceof MurmurationError && ['unreachable', 'unauthenticated', 'permission_denied'].includes(error.code)
  );
}

/** The code of what the file system says of a file, or null for other errors. */
function fileFaultCode(error: Error): string | null {
  // A file that changed while it was sent.
  if (error.name === 'NotReadableError') return error.name;
  return 'syscall' in error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
