import { AsrError } from '@murmuration/contracts';
import type { StreamingTranscribeRequest, StreamingTranscribeResponse } from '@murmuration/contracts/grpc';
import type { LiveSession } from '@murmuration/transcribe';
import { awaitedLater, leaveAlone } from '@murmuration/contracts/left-alone';
import { Acks } from '../protocols/native/messages.js';
import type { RelayContext } from '../relay-context.js';
import type { CallContext } from './calls/active-call.js';
import type { RequestReader, ResponseWriter } from './calls/implementation.js';
import { eventId } from './ids.js';
import { liveConfig, readLiveConfig } from './settings.js';
import { liveEventMessage } from './replies.js';

/** A session in the hands of a call, and the event that its client has seen. */
interface Begun {
  readonly session: LiveSession;
  readonly afterId: string;
}

/**
 * One call of `StreamingTranscribe`.
 * waiting --`config`, `resume`--> opening --the core answers--> open --`finish`, end of the requests--> finishing --event `closed`--> ended (OK)
 * In every state but ended:
 *   --a message that the state does not take, a refusal, nothing to start with in time--> ended (its status)
 *   --the relay stops--> ended (`going_away`, then UNAVAILABLE)
 *   --the call is cancelled, breaks off or meets its deadline--> ended
 * Where it ends before `closed` with a session open, the session is detached: its client may resume it.
 */
export class LiveCall {
  readonly #context: Pick<RelayContext, 'live' | 'draining' | 'config'>;
  readonly #requests: RequestReader<StreamingTranscribeRequest>;
  readonly #call: CallContext;
  readonly #answer: ResponseWriter<StreamingTranscribeResponse>;
  /** Aborted at the end: gives up opening, and ends the stream of events. */
  readonly #over = new AbortController();

  constructor(
    context: Pick<RelayContext, 'live' | 'draining' | 'config'>,
    requests: RequestReader<StreamingTranscribeRequest>,
    call: CallContext,
    answer: ResponseWriter<StreamingTranscribeResponse>,
  ) {
    this.#context = context;
    this.#requests = requests;
    this.#call = call;
    this.#answer = answer;
  }

  /** Resolves after `closed`. Throws what the call is to end with. */
  async run(): Promise<void> {
    const { signal } = this.#call;
    const { draining } = this.#context;
    let leave: () => void = () => undefined;
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => {
        reject(
          signal.aborted
            ? AsrError.from(signal.reason)
            : new AsrError('shutting_down', 'This relay stops. Call again and resume.', { retryAfterSeconds: 0 }),
        );
      };
    });
    awaitedLater(left);
    for (const source of [signal, draining]) {
      source.addEventListener('abort', leave);
      if (source.aborted) leave();
    }
    try {
      await this.#hold(await this.#begin(left), left);
    } finally {
      this.#over.abort();
      for (const source of [signal, draining]) source.removeEventListener('abort', leave);
    }
  }

  /** Opens or takes over the session that the first message names. */
  async #begin(left: Promise<never>): Promise<Begun> {
    const waitMs = this.#context.config.START_TIMEOUT_MS;
    const first = await Promise.race([left, this.#requests.next(waitMs)]).catch((error: unknown) => {
      throw error instanceof AsrError && error.code === 'upload_timeout'
        ? new AsrError(
            'invalid_message',
            `Nothing was started within ${String(waitMs / 1_000)} seconds. Send config or resume first.`,
          )
        : error;
    });
    const owner = this.#call.principal.owner;
    switch (first?.message) {
      case 'config': {
        const opening = this.#context.live.open({
          settings: readLiveConfig(first.config),
          owner,
          trace: this.#call.span.traceparent,
          signal: this.#over.signal,
        });
        // Its client would never learn of it.
        const session = await orGiveUp(opening, left, (late) => late.cancel());
        this.#answer.post({
          message: 'ready',
          ready: {
            session: session.id,
            token: session.token,
            model: session.model.id,
            settings: liveConfig(session.settings),
          },
        });
        return { session, afterId: '0' };
      }
      case 'resume': {
        const { session: id, token, lastEventId } = first.resume;
        const afterId = eventId('resume.last_event_id', lastEventId) ?? '0';
        if (id.length > 100 || token.length > 200) throw new AsrError('invalid_resume');
        const session = await orGiveUp(
          this.#context.live.resume(id, token, owner, this.#call.span.traceparent),
          left,
          (late) => late.detach(),
        );
        this.#answer.post({ message: 'resumed', resumed: { session: session.id, samples: session.storedSamples } });
        return { session, afterId };
      }
      default:
        throw new AsrError(
          'invalid_message',
          `The first message must be config or resume, not ${first?.message ?? 'nothing'}.`,
        );
    }
  }

  async #hold({ session, afterId }: Begun, left: Promise<never>): Promise<void> {
    const acks = new Acks(session.storedSamples, (samples) => {
      this.#answer.keepNewest({ message: 'ack', ack: { samples } });
    });
    session.onStored((samples) => {
      acks.stored(samples);
    });
    const told = this.#tell(session, afterId, acks);
    const taken = this.#take(session).then(() => told);
    awaitedLater(taken);
    try {
      await Promise.race([told, taken, left]);
    } catch (thrown) {
      const error = AsrError.from(thrown);
      if (error.code === 'shutting_down') {
        acks.flush();
        this.#answer.post({ message: 'goingAway', goingAway: { message: error.message } });
      }
      // Where another connection has taken it over, the session is that one's.
      if (error.code !== 'session_lost') await session.detach().catch(leaveAlone('best_effort'));
      throw error;
    } finally {
      acks.stop();
    }
  }

  /** Takes audio and orders until the client has sent its last. */
  async #take(session: LiveSession): Promise<void> {
    let finished = false;
    for (let request = await this.#requests.next(); request !== null; request = await this.#requests.next()) {
      switch (request.message) {
        case 'audio':
          if (!finished) await session.push(request.audio);
          break;
        // The message itself has shown the client to be there.
        case 'keepalive':
          break;
        case 'commit':
          await session.commit();
          break;
        case 'finish':
          if (!finished) await session.finish();
          finished = true;
          break;
        case 'cancel':
          await session.cancel();
          break;
        case 'config':
        case 'resume':
          throw new AsrError('invalid_message', 'The session has begun already; one call holds one session.');
        case undefined:
          throw new AsrError(
            'invalid_message',
            'A message holds nothing that is known. See StreamingTranscribeRequest.',
          );
      }
    }
    if (!finished) await session.finish();
  }

  /** Tells what happens until the session is closed. */
  async #tell(session: LiveSession, afterId: string, acks: Acks): Promise<void> {
    for await (const one of session.events(afterId, this.#over.signal)) {
      const event = liveEventMessage(one);
      if (event === null) continue;
      const message = { message: 'event', event } as const;
      if (event.body === 'partial') {
        this.#answer.offer(message);
        continue;
      }
      if (event.body === 'closed') {
        acks.stored(session.storedSamples);
        acks.flush();
      }
      await this.#answer.send(message);
      if (event.body === 'closed') return;
    }
    this.#call.signal.throwIfAborted();
    acks.stored(session.storedSamples);
    acks.flush();
  }
}

/** The session, unless the call is over before it is there: then `undo` gets it when it comes. */
async function orGiveUp(
  opening: Promise<LiveSession>,
  left: Promise<never>,
  undo: (late: LiveSession) => Promise<void>,
): Promise<LiveSession> {
  try {
    return await Promise.race([opening, left]);
  } catch (error) {
    opening.then(undo).catch(leaveAlone('receiver_gone'));
    throw error;
  }
}
