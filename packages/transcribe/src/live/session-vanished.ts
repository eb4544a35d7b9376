import { AsrError } from '@murmuration/contracts';

/** Where the store has no session that a relay still has: it was emptied, or nobody could reach it for as long as sessions are kept. */
export function sessionVanished(): AsrError {
  return new AsrError(
    'session_lost',
    'The store has lost the session: it was emptied or replaced. What was not final is lost. Start a new session.',
  );
}
