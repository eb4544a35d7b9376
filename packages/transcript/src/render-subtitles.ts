import type { Transcript } from '@murmuration/contracts';
import { clockTime } from './render-json.js';
import type { CueUnit } from './cue-units.js';
import { cueLines, cuesOf, DEFAULT_LAYOUT, wordCues, type Cue, type CueLayout } from './cues.js';

/** What a cue holds: each word by itself, or what the layout lets be read at once. */
export type CueSize = 'word' | CueLayout;

/** SubRip. An arrow in the text is shortened, for it would be read as a time line. Empty for an empty transcript. */
export function renderSrt(transcript: Pick<Transcript, 'segments'>, size: CueSize = DEFAULT_LAYOUT): string {
  return cues(transcript, size)
    .map((cue, index) => {
      const lines = cueLines(cue, (unit) => marked(cue, unit, unit.text)).map((line) => line.replaceAll('-->', '->'));
      return `${String(index + 1)}\n${clockTime(cue.startMs, ',')} --> ${clockTime(cue.endMs, ',')}\n${lines.join('\n')}\n\n`;
    })
    .join('');
}

/** WebVTT (W3C), text escaped; the channel is the voice when there is more than one. What the filters took away stands in notes, which no player shows. */
export function renderVtt(
  transcript: Pick<Transcript, 'segments'> & Partial<Pick<Transcript, 'filtered'>>,
  size: CueSize = DEFAULT_LAYOUT,
): string {
  const all = cues(transcript, size);
  const several = all.some((cue) => cue.channel > 0);
  const blocks = all.map((cue) => {
    const voice = several ? `<v Channel ${String(cue.channel + 1)}>` : '';
    const lines = cueLines(cue, (unit) => marked(cue, unit, escapeVtt(unit.text)));
    return `${clockTime(cue.startMs, '.')} --> ${clockTime(cue.endMs, '.')}\n${voice}${lines.join('\n')}\n\n`;
  });
  const notes = (transcript.filtered ?? [])
    .filter(({ text }) => text !== '')
    .map(({ startMs, endMs, text, reason }) => {
      return `NOTE filtered (${reason}) ${clockTime(startMs, '.')} to ${clockTime(endMs, '.')}: ${escapeVtt(text.replace(/\s+/gu, ' '))}\n\n`;
    });
  return `WEBVTT\n\n${notes.join('')}${blocks.join('')}`;
}

function cues(transcript: Pick<Transcript, 'segments'>, size: CueSize): Cue[] {
  return size === 'word' ? wordCues(transcript) : cuesOf(transcript, size);
}

function marked(cue: Cue, unit: CueUnit, text: string): string {
  return cue.marked === unit ? `<u>${text}</u>` : text;
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
