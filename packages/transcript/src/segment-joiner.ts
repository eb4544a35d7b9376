import type { ChunkResult, Segment } from '@murmuration/contracts';
import { findOverlap, spokenUnits } from './overlap.js';

/** The segment without its first `count` units, or null when nothing is left. Its token ids stay as they were recognised. */
function dropHead(segment: Segment, count: number): Segment | null {
  if (count === 0) return segment;
  const first = spokenUnits(segment.text)[count];
  if (first === undefined) return null;
  const text = segment.text.slice(first.start);
  const words = segment.words === undefined ? undefined : lastLetters(segment.words, lettersIn(text));
  return {
    ...segment,
    text,
    startMs: words?.[0]?.startMs ?? segment.startMs,
    ...(words === undefined ? {} : { words }),
  };
}

/** The segment without its last `count` units, or null when nothing is left. Token ids stay. `closing` takes the place of the punctuation behind the last unit kept, when it is given. */
function dropTail(segment: Segment, count: number, closing: string | null): Segment | null {
  if (count === 0 && closing === null) return segment;
  const units = spokenUnits(segment.text);
  const last = units[units.length - 1 - count];
  if (last === undefined) return null;
  const kept = segment.text.slice(0, last.end);
  const text = closing === null ? kept : kept.replace(/[^\p{L}\p{N}\p{M}]+$/u, '') + closing;
  if (segment.words === undefined) return { ...segment, text };
  const words = firstLetters(segment.words, lettersIn(kept));
  return { ...segment, text, words, endMs: words.at(-1)?.endMs ?? segment.endMs };
}

/** The punctuation behind a unit of the text. */
function closingOf(text: string, unit: number): string {
  const found = spokenUnits(text)[unit];
  if (found === undefined) return '';
  return /[^\p{L}\p{N}\p{M}]*$/u.exec(text.slice(found.start, found.end))?.[0] ?? '';
}

// Words are matched to text by counting letters, for a model's words need not be the units of `spokenUnits`.
type Words = NonNullable<Segment['words']>;

function lettersIn(text: string): number {
  return text.replace(/\s+/g, '').length;
}

function firstLetters(words: Words, letters: number): Words {
  let seen = 0;
  return words.filter((word) => {
    const kept = seen < letters;
    seen += lettersIn(word.word);
    return kept;
  });
}

function lastLetters(words: Words, letters: number): Words {
  return firstLetters([...words].reverse(), letters).reverse();
}

/** What joining needs of a chunk's result; times are the recording's. */
export type JoinedChunk = Pick<ChunkResult, 'channel' | 'overlapMs' | 'audioMs' | 'segments'>;

/**
 * Turns the results of a recording's chunks, given in the order of their index, into final segments without what is said twice around forced cuts.
 *
 * Each channel: nothing yet --a chunk--> its end is known, given out --next chunk of the channel--> …
 * A chunk so long that it may have been cut by force --> its end is held --next chunk of the channel, or `finish`--> given out, without what the next chunk says better.
 */
export class SegmentJoiner {
  readonly #holdFromMs: number;
  readonly #ends = new Map<number, ChannelEnd>();

  /** @param holdFromMs chunks of this length (milliseconds) or more may have been cut by force (a forced cut lies in the last third of the longest chunk): their end waits for the next chunk. 0 holds always; left out, nothing waits, and only the chunk after a cut gives way. */
  constructor(holdFromMs = Infinity) {
    this.#holdFromMs = holdFromMs;
  }

  /** Segments that are final now, without white space around their texts. */
  push(chunk: JoinedChunk): Segment[] {
    const end = this.#ends.get(chunk.channel) ?? { held: false, segments: [] };
    this.#ends.delete(chunk.channel);
    let before = end.segments;
    let after = chunk.segments
      .map((segment) => ({ ...segment, text: segment.text.trim() }))
      .filter(({ text }) => text !== '');
    if (chunk.overlapMs > 0) [before, after] = join(before, after, chunk.overlapMs);
    const released = end.held ? before : [];
    if (after.length === 0) return released;
    const held = chunk.audioMs >= this.#holdFromMs;
    const firstAtEnd = indexAtEnd(after);
    this.#ends.set(chunk.channel, { held, segments: after.slice(firstAtEnd) });
    return [...released, ...(held ? after.slice(0, firstAtEnd) : after)];
  }

  /** What was still held; call it after the last chunk. */
  finish(): Segment[] {
    const rest = [...this.#ends.values()].flatMap((end) => (end.held ? end.segments : []));
    this.#ends.clear();
    return rest.sort((left, right) => left.startMs - right.startMs || left.channel - right.channel);
  }
}

/** The segments at the end of a channel's last chunk; held ones were not given out yet. */
interface ChannelEnd {
  readonly held: boolean;
  readonly segments: Segment[];
}

/** No overlap is longer than this. */
const END_MS = 3_000;

/** Index of the first segment that reaches into the chunk's last seconds. */
function indexAtEnd(segments: readonly Segment[]): number {
  const endMs = segments.at(-1)?.endMs ?? 0;
  return segments.findIndex((segment) => segment.endMs > endMs - END_MS);
}

/** The segments before a forced cut and those after it, each without what the other says. */
function join(before: readonly Segment[], after: readonly Segment[], overlapMs: number): [Segment[], Segment[]] {
  if (before.length === 0 || after.length === 0) return [[...before], [...after]];
  const cut = findOverlap(before.flatMap(keys), after.flatMap(keys), overlapMs);
  const kept = dropLastUnits(before, cut.dropBefore, cut.met ? closingAt(after, cut.dropAfter - 1) : null);
  const endMs = kept.at(-1)?.endMs ?? 0;
  return [kept, dropFirstUnits(after, cut.dropAfter).map((segment) => startNotBefore(segment, endMs))];
}

function keys(segment: Segment): string[] {
  return spokenUnits(segment.text).map((unit) => unit.key);
}

function closingAt(segments: readonly Segment[], unit: number): string {
  let passed = 0;
  for (const segment of segments) {
    const count = keys(segment).length;
    if (unit < passed + count) return closingOf(segment.text, unit - passed);
    passed += count;
  }
  return '';
}

function dropFirstUnits(segments: readonly Segment[], count: number): Segment[] {
  let left = count;
  const rest: Segment[] = [];
  for (const segment of segments) {
    const dropped = Math.min(left, keys(segment).length);
    left -= dropped;
    const kept = dropHead(segment, dropped);
    if (kept !== null) rest.push(kept);
  }
  return rest;
}

function dropLastUnits(segments: readonly Segment[], count: number, closing: string | null): Segment[] {
  let left = count;
  const rest: Segment[] = [];
  for (const segment of [...segments].reverse()) {
    const dropped = Math.min(left, keys(segment).length);
    left -= dropped;
    const kept = dropTail(segment, dropped, rest.length === 0 ? closing : null);
    if (kept !== null) rest.unshift(kept);
  }
  return rest;
}

/** The overlap lies in both chunks: without word times both segments claim it. */
function startNotBefore(segment: Segment, timeMs: number): Segment {
  if (segment.startMs >= timeMs) return segment;
  const startMs = Math.min(timeMs, segment.endMs);
  return { ...segment, startMs };
}
