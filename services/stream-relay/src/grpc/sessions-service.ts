import { reachOf } from '@murmuration/access';
import type { LiveState, LiveSummary } from '@murmuration/contracts';
import type * as proto from '@murmuration/contracts/grpc';
import type { RelayContext } from '../relay-context.js';
import type { Handlers } from './calls/implementation.js';
import { eventId, sessionId } from './ids.js';
import { liveEventMessage, wholeMs } from './replies.js';
import { untilLeaving } from './calls/active-call.js';

const STATES = {
  open: 'LIVE_STATE_OPEN',
  detached: 'LIVE_STATE_DETACHED',
  finishing: 'LIVE_STATE_FINISHING',
  closed: 'LIVE_STATE_CLOSED',
} as const satisfies Record<LiveState, proto.LiveState>;

/** `murmuration.v1.Sessions`. */
export function sessionsService(context: Pick<RelayContext, 'live' | 'draining'>): Handlers<proto.SessionsMethods> {
  return {
    ListSessions: async (_request, call) => ({
      sessions: (await context.live.list(reachOf(call.principal))).map(sessionMessage),
    }),
    WatchSession: async ({ session, afterEventId }, call, answer) => {
      const afterId = eventId('after_event_id', afterEventId);
      await untilLeaving(call, context.draining, async (signal) => {
        const watched = await context.live.watch(sessionId(session), reachOf(call.principal), afterId, signal);
        for await (const one of watched.events) {
          const event = liveEventMessage(one);
          if (event?.body === 'partial') answer.offer({ event });
          else if (event !== null) await answer.send({ event });
        }
      });
    },
    DeleteSession: async ({ session }, call) => {
      await context.live.erase(sessionId(session), reachOf(call.principal));
      return {};
    },
  };
}

function sessionMessage(session: LiveSummary): proto.LiveSession {
  return {
    id: session.id,
    state: STATES[session.state],
    relay: session.relay,
    model: session.model,
    language: session.language,
    startedAtMs: session.startedAtMs,
    audioMs: wholeMs(session.audioMs),
    lagMs: wholeMs(session.lagMs),
    utterances: session.utterances,
  };
}
