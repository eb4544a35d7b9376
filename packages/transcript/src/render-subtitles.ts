import type { Transcript } from '@murmuration/contracts';
import { clockTime } from './clock-time.js';
import { cuesOf, type CueSize } from './cues.js';

/** SubRip. An arrow in the text is shortened, for it would be read as a time line. Empty for an empty transcript. */
export function renderSrt(transcript: Pick<Transcript, 'segments'>, size: CueSize = 'phrase'): string {
  return cuesOf(transcript, size)
    .map((cue, index) => `${String(index + 1)}\n${clockTime(cue.startMs, ',')} --> ${clockTime(cue.endMs, ',')}\n${cue.text.replaceAll('-->', '->')}\n\n`)
    .join('');
}

/** WebVTT (W3C), text escaped; the channel is the voice when there is more than one. What the filters took away stands in notes, which no player shows. */
export function renderVtt(transcript: Pick<Transcript, 'segments'> & Partial<Pick<Transcript, 'filtered'>>, size: CueSize = 'phrase'): string {
  const cues = cuesOf(transcript, size);
  const several = cues.some((cue) => cue.channel > 0);
  const blocks = cues.map((cue) => {
    const voice = several ? `<v Channel ${String(cue.channel + 1)}>` : '';
    return `${clockTime(cue.startMs, '.')} --> ${clockTime(cue.endMs, '.')}\n${voice}${escapeVtt(cue.text)}\n\n`;
  });
  const notes = (transcript.filtered ?? []).filter(({ text }) => text !== '').map(({ startMs, endMs, text, reason }) => {
    return `NOTE filtered (${reason}) ${clockTime(startMs, '.')} to ${clockTime(endMs, '.')}: ${escapeVtt(text.replace(/\s+/gu, ' '))}\n\n`;
  });
  return `WEBVTT\n\n${notes.join('')}${blocks.join('')}`;
}

/** Tab-separated start and end (milliseconds) and text, one segment a line, under a line of names. */
export function renderTsv(transcript: Pick<Transcript, 'segments'>): string {
  const rows = transcript.segments.map((segment) => {
    return `${String(Math.round(segment.startMs))}\t${String(Math.round(segment.endMs))}\t${segment.text.replace(/\s+/gu, ' ').trim()}\n`;
  });
  return `start\tend\ttext\n${rows.join('')}`;
}

/** The text and a line's end; empty for an empty transcript. */
export function renderText(transcript: Pick<Transcript, 'text'>): string {
  return transcript.text === '' ? '' : `${transcript.text}\n`;
}

function escapeVtt(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
