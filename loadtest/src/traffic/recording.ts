import { type Murmuration, type Segment, MurmurationError } from '@murmuration/client';
import { type Clip, wordErrors, words } from '../clips.js';
import type { Outcome } from '../recorder.js';

/** One clip by `POST /transcribe`; the latency is that of its transcript. */
export async function transcribeClip(client: Murmuration, clip: Clip, dueAtMs: number): Promise<Outcome> {
  try {
    const transcript = await client.transcribe(new Blob([clip.file], { type: 'audio/wav' }));
    return {
      end: 'done',
      latenciesMs: [performance.now() - dueAtMs],
      audioMs: clip.durationMs,
      words: clip.said.length,
      wordErrors: wordErrors(clip.said, words(transcript.text)),
      duplicates: repeatsOf(transcript.segments.map(placeOf)),
    };
  } catch (error) {
    return outcomeOfError(error);
  }
}

/** One clip as a job whose events are followed to the end. An accepted job that does not end as done, or whose events differ from its transcript, is lost. */
export async function followJob(client: Murmuration, clip: Clip, dueAtMs: number): Promise<Outcome> {
  try {
    const { id } = await client.jobs.create(new Blob([clip.file], { type: 'audio/wav' }), { priority: 'interactive' });
    const segments: Segment[] = [];
    const eventIds: string[] = [];
    const ends: string[] = [];
    for await (const event of client.jobs.events(id)) {
      eventIds.push(event.eventId);
      if (event.type === 'segment') segments.push(event.segment);
      if (event.type === 'done' || event.type === 'failed' || event.type === 'cancelled') ends.push(event.type);
    }
    const latencyMs = performance.now() - dueAtMs;
    if (ends[0] !== 'done') return { end: 'lost', reason: `job_${ends[0] ?? 'without_end'}` };
    const transcript = await client.jobs.transcript(id);
    const heard = segments.map((segment) => segment.text.trim()).join(' ');
    if (words(heard).join(' ') !== words(transcript.text).join(' ')) return { end: 'lost', reason: 'events_differ' };
    return {
      end: 'done',
      latenciesMs: [latencyMs],
      audioMs: clip.durationMs,
      words: clip.said.length,
      wordErrors: wordErrors(clip.said, words(transcript.text)),
      duplicates: repeatsOf(eventIds) + repeatsOf(segments.map(placeOf)) + ends.length - 1,
    };
  } catch (error) {
    return outcomeOfError(error);
  }
}

function placeOf({ id, channel }: Segment): string {
  return `${String(id)}/${String(channel)}`;
}

/** How many of them were there before. */
export function repeatsOf(names: readonly string[]): number {
  return names.length - new Set(names).size;
}

const REFUSED_STATUS: ReadonlySet<number> = new Set([429, 503]);

/** What a request that threw came to: refused in order, or lost. */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof MurmurationError) {
    if (error.status !== null && REFUSED_STATUS.has(error.status)) return { end: 'refused', code: error.code };
    return { end: 'lost', reason: error.code };
  }
  return { end: 'lost', reason: error instanceof Error ? error.name : 'unknown' };
}
