import {
  MurmurationError,
  type LiveClosed,
  type LiveOptions,
  type LiveSession,
  type Murmuration,
} from '@murmuration/client/node';
import { STATUS } from '../server/fault.js';
import type { Terminal } from '../terminal.js';
import { LiveDisplay } from './live-display.js';
import { microphone } from './microphone.js';
import { wavOrRaw } from './wav-input.js';
import type { PcmSource } from './pcm-source.js';

/** What `murmur live` is given. */
export interface LiveArguments {
  readonly client: Murmuration;
  /** Standard input in place of the microphone; what it is, where it does not say so itself. */
  readonly raw: Omit<PcmSource, 'audio'> | null;
  readonly settings: LiveOptions;
  readonly withTimes: boolean;
  readonly json: boolean;
}

/** Speaks into a live session until the audio ends or Ctrl-C, then waits for the last text. Answers the exit status. Throws `UnusableInput`, `MurmurationError`, `Interrupted` before anything was heard. */
export async function runLive(asked: LiveArguments, terminal: Terminal): Promise<number> {
  const interrupted = terminal.interrupted();
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort(interrupted.reason);
  };
  interrupted.addEventListener('abort', stop, { once: true });
  if (interrupted.aborted) stop();
  try {
    const source = await sourceOf(asked.raw, terminal, stopping.signal);
    const session = asked.client.live({
      ...asked.settings,
      encoding: source.encoding,
      sample_rate: source.sampleRateHz,
      channels: source.channels,
    });
    return await speakAndShow(session, source, asked, terminal, stopping.signal);
  } finally {
    interrupted.removeEventListener('abort', stop);
    stopping.abort();
  }
}

async function sourceOf(raw: LiveArguments['raw'], terminal: Terminal, stopped: AbortSignal): Promise<PcmSource> {
  if (raw === null) return microphone(stopped);
  const neverHeard = new Promise<never>((_resolve, reject) => {
    stopped.addEventListener(
      'abort',
      () => {
        reject(stopped.reason as Error);
      },
      { once: true },
    );
  });
  neverHeard.catch(() => undefined);
  return Promise.race([wavOrRaw(terminal.input, raw), neverHeard]);
}

async function speakAndShow(
  session: LiveSession,
  { audio }: PcmSource,
  { withTimes, json }: LiveArguments,
  terminal: Terminal,
  stopped: AbortSignal,
): Promise<number> {
  let fault: unknown;
  const speaking = speak(session, audio, stopped).catch((error: unknown) => {
    // What ended the session is told below; of what ended the audio only this one knows.
    fault = error;
    session.cancel();
  });
  const display = new LiveDisplay(terminal, withTimes);
  let closed: LiveClosed | null = null;
  try {
    for await (const event of session) {
      if (event.type === 'closed') closed = event;
      // A token lets its holder into the session: it is nobody else's business.
      if (json) terminal.out(`${JSON.stringify(event.type === 'ready' ? { ...event, token: undefined } : event)}\n`);
      else display.show(event);
    }
  } finally {
    display.clear();
  }
  if (closed === null) {
    await speaking;
    throw fault instanceof Error ? fault : new MurmurationError('session_ended', 'The session has ended.');
  }
  if (closed.totals.end !== 'finished') terminal.err(`the session was ended: ${closed.totals.end}\n`);
  return closed.totals.end === 'finished' ? STATUS.done : STATUS.failed;
}

/** Gives what is spoken to the session, then finishes it: also when the user has heard enough. */
async function speak(session: LiveSession, audio: AsyncIterable<Uint8Array>, stopped: AbortSignal): Promise<void> {
  const finish = (): void => {
    session.finish();
  };
  stopped.addEventListener('abort', finish, { once: true });
  if (stopped.aborted) finish();
  try {
    for await (const piece of audio) {
      if (stopped.aborted) return;
      await session.send(piece);
    }
    session.finish();
  } finally {
    stopped.removeEventListener('abort', finish);
  }
}
