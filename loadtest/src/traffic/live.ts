import type { LiveEvent, Murmuration } from '@murmuration/client';
import { type Clip, RATE_HZ, wordErrors, words } from '../clips.js';
import { until } from '../open-loop.js';
import type { Outcome } from '../recorder.js';
import { outcomeOfError, repeatsOf } from './recording.js';

const FRAME_MS = 40;
export const ENDPOINTING_MS = 400;
/** Silence after each clip: more than what closes an utterance. */
export const PAUSE_MS = 1_200;

/** An utterance's text as it came. */
export interface Final {
  readonly utterance: number;
  readonly endMs: number;
  readonly text: string;
  /** On the clock of `performance.now()`. */
  readonly cameAtMs: number;
}

/** A session that is open. */
export interface LiveConnection {
  send(frame: Int16Array): Promise<void>;
  /** No more audio comes; resolves with all finals, and how many utterances the server says there were, once the session is closed. */
  finish(): Promise<{ readonly finals: readonly Final[]; readonly utterances: number }>;
}

/**
 * Speaks at real time from `dueAtMs` on. A final's latency counts from when the last audio was due that its utterance needs: the end of its speech and the silence
 * that closes it. A frame goes out at its own time, however late the server is.
 */
export async function speak(
  connection: LiveConnection,
  { pcm, said }: Pick<Clip, 'pcm' | 'said'>,
  dueAtMs: number,
): Promise<Outcome> {
  const frameSamples = (FRAME_MS * RATE_HZ) / 1_000;
  const lastMs = (Math.ceil(pcm.length / frameSamples) + 1) * FRAME_MS;
  for (let at = 0, frame = 1; at < pcm.length; at += frameSamples, frame++) {
    await until(dueAtMs + frame * FRAME_MS);
    await connection.send(pcm.subarray(at, at + frameSamples));
  }
  const { finals, utterances } = await connection.finish();
  const ids = finals.map(({ utterance }) => String(utterance));
  // An utterance without a final is work that was accepted and has no result.
  if (new Set(ids).size < utterances) return { end: 'lost', reason: 'utterance_without_final' };
  return {
    end: 'done',
    // The last utterance may be closed by the end of the audio instead of by silence.
    latenciesMs: finals.map(({ endMs, cameAtMs }) =>
      Math.max(0, cameAtMs - (dueAtMs + Math.min(endMs + ENDPOINTING_MS, lastMs))),
    ),
    audioMs: (pcm.length * 1_000) / RATE_HZ,
    words: said.length,
    wordErrors: wordErrors(said, words(finals.map(({ text }) => text).join(' '))),
    duplicates: repeatsOf(ids),
  };
}

/** A session over WebSocket, spoken at real time. */
export async function speakOverSocket(
  client: Murmuration,
  speech: Pick<Clip, 'pcm' | 'said'>,
  dueAtMs: number,
  url?: string,
): Promise<Outcome> {
  try {
    const session = client.live({
      sample_rate: RATE_HZ,
      endpointing_ms: ENDPOINTING_MS,
      reconnectForMs: 1,
      ...(url === undefined ? {} : { url }),
    });
    const finals: Final[] = [];
    let utterances = 0;
    let failed: unknown = null;
    const take = (event: LiveEvent): void => {
      if (event.type === 'final')
        finals.push({
          utterance: event.utterance,
          endMs: event.end_ms,
          text: event.text,
          cameAtMs: performance.now(),
        });
      if (event.type === 'closed') utterances = event.totals.utterances;
      if (event.type === 'error') failed = new Error(event.code);
    };
    const reading = (async () => {
      for await (const event of session) take(event);
    })().catch((error: unknown) => {
      failed = error;
    });
    return await speak(
      {
        send: (frame) => session.send(frame),
        finish: async () => {
          session.finish();
          await reading;
          if (failed !== null) throw failed as Error;
          return { finals, utterances };
        },
      },
      speech,
      dueAtMs,
    );
  } catch (error) {
    return outcomeOfError(error);
  }
}
