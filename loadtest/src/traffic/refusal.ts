import { MurmurationError } from '@murmuration/client';
import type { Outcome } from '../recorder.js';

const REFUSED_STATUS: ReadonlySet<number> = new Set([429, 503]);

/** What a request that threw came to: refused in order, or lost. */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof MurmurationError) {
    if (error.status !== null && REFUSED_STATUS.has(error.status)) return { end: 'refused', code: error.code };
    return { end: 'lost', reason: error.code };
  }
  return { end: 'lost', reason: error instanceof Error ? error.name : 'unknown' };
}
