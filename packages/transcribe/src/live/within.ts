import { AsrError } from '@murmuration/contracts';
import { backendUnavailable } from '@murmuration/store';

/** The answer, or `backend_unavailable` when it does not come within the time or is an error of the store. */
export async function within<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(backendUnavailable());
    }, limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    throw error instanceof AsrError ? error : backendUnavailable(error);
  } finally {
    clearTimeout(timer);
  }
}
