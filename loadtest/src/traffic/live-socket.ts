import type { LiveEvent, Murmuration } from '@murmuration/client';
import { RATE_HZ, type Clip } from '../clips.js';
import type { Outcome } from '../recorder.js';
import { ENDPOINTING_MS, speak, type Final } from './live.js';
import { outcomeOfError } from './recording.js';

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
