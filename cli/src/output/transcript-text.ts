import type { Transcript } from '@murmuration/client/node';

/** A transcript as it is printed or put into a file: always with a line's end. */
export function transcriptText(transcript: Transcript | string): string {
  const text = typeof transcript === 'string' ? transcript : JSON.stringify(transcript, null, 2);
  return text.endsWith('\n') ? text : `${text}\n`;
}
