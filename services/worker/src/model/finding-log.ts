import type { ModelProgress } from '@murmuration/asr';
import type { Logger } from '@murmuration/runtime';

const EVERY_MS = 2_000;
/** Below this a model is read faster than a line about it. */
const WORTH_TELLING_BYTES = 256 * 1024 * 1024;
const MESSAGES = { waiting: 'another process fetches the model', downloading: 'fetching the model', verifying: 'verifying the model' } as const;

/** Logs how far finding a model is: when a step begins, then every two seconds, and when all is fetched. */
export function findingLog(logger: Logger, now: () => number = () => performance.now()): (progress: ModelProgress) => void {
  let step = '';
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let loggedBytes = -1;
  return (progress) => {
    const { file, doneBytes, totalBytes } = progress;
    if (progress.step === 'pausing') {
      logger.warn({ reason: progress.reason }, 'fetching the model has trouble; trying again');
      return;
    }
    if (progress.step === 'verifying' && totalBytes < WORTH_TELLING_BYTES) return;
    const isLast = progress.step === 'downloading' && doneBytes === totalBytes;
    if (progress.step === step && (doneBytes === loggedBytes || (!isLast && now() - loggedAtMs < EVERY_MS))) return;
    loggedBytes = doneBytes;
    step = progress.step;
    loggedAtMs = now();
    const facts = totalBytes === 0 ? {} : { file, percent: Math.floor((doneBytes / totalBytes) * 100), megabytes: Math.round(totalBytes / 1_000_000) };
    logger.info({ step, ...facts }, MESSAGES[progress.step]);
  };
}
