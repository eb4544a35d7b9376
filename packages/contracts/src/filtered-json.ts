import type { Filtered } from './chunk.js';

/** Text that a filter took away, with the rule that took it; seconds. */
export interface FilteredJson {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly reason: string;
}

export function filteredJson({ startMs, endMs, text, reason }: Filtered): FilteredJson {
  return { start: Math.round(startMs) / 1_000, end: Math.round(endMs) / 1_000, text, reason };
}

/** The field `filtered` of answers whose clients do not know it: left out where nothing was filtered. */
export function filteredField(filtered: readonly Filtered[]): { readonly filtered?: FilteredJson[] } {
  return filtered.length === 0 ? {} : { filtered: filtered.map(filteredJson) };
}
