import { AsrError } from '@murmuration/contracts';

/** Where the store has no session that a relay still has: it was emptied, or nobody could reach it for as long as sessions are kept. */
export function sessionVanished(): AsrError {
  return new AsrError(
    'session_lost',
    'The store has lost the session: it was emptied or replaced. What was not final is lost. Start a new session.',
  );
}

/** Told to who reads on when its relay has handed the session over. */
export function sessionHandedOver(): AsrError {
  return new AsrError('shutting_down', 'This relay stops. Connect again and resume.', { retryAfterSeconds: 0 });
}

/** Where a session ends without finals that are awaited. */
export function finalsInVain(): AsrError {
  return new AsrError(
    'no_worker',
    'No worker has transcribed the last utterances in time. The session ends without their text.',
  );
}
