import { basename, extname } from 'node:path';
import type { Format } from '../output/transcript-output.js';

/** True for what is an address and no path. */
export function isAddress(input: string): boolean {
  return /^https?:\/\//i.test(input);
}

/** A name for the file of each input's transcript, all different: `talk.srt` for `talk.mp3`, `talk-2.srt` for a second of that name. */
export function outputNames(inputs: readonly string[], format: Format): string[] {
  const taken = new Set<string>();
  return inputs.map((input) => {
    const stem = stemOf(input);
    let name = `${stem}.${format}`;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${stem}-${String(count)}.${format}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

function stemOf(input: string): string {
  if (input === '-') return 'recording';
  const last = isAddress(input) ? lastOfAddress(input) : basename(input);
  // An address may hold what a name may not; a name that begins with a dot would not be seen.
  const safe = last.replace(/[/\\\p{Cc}]/gu, '_').replace(/^\.+/, '');
  const name = safe.slice(0, safe.length - extname(safe).length).slice(0, 100);
  return name === '' ? 'recording' : name;
}

function lastOfAddress(address: string): string {
  const last =
    (URL.canParse(address) ? new URL(address).pathname : '').split('/').findLast((part) => part !== '') ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
