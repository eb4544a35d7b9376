import type { PlannedChunk, Recognition, Segment, Span, Word } from '@murmuration/contracts';

/**
 * A recognition with its times moved from the chunk's clock to the recording's (milliseconds), its segments told the chunk's channel.
 * A segment that crosses spans keeps its outer ends; a word that does is put into the span that holds most of it, so that no word reaches over a pause.
 * Times outside the chunk are taken to its nearest end.
 */
export function toRecordingTime(chunk: PlannedChunk, recognition: Recognition): Recognition {
  const map = new ChunkClock(chunk.spans);
  const wordOf = (word: Word): Word => ({ ...word, ...map.word(word.startMs, word.endMs) });
  const segmentOf = (segment: Segment): Segment => ({
    ...segment,
    ...map.stretch(segment.startMs, segment.endMs),
    channel: chunk.channel,
    ...(segment.words === undefined ? {} : { words: segment.words.map(wordOf) }),
  });
  return {
    ...recognition,
    segments: recognition.segments.map(segmentOf),
    filtered: recognition.filtered.map((entry) => ({ ...entry, ...map.stretch(entry.startMs, entry.endMs) })),
  };
}

/** The speech that the detector found in a chunk, on the chunk's clock (milliseconds): a part a span where a run crosses spans. */
export function speechInChunk(chunk: Pick<PlannedChunk, 'spans' | 'speech'>): Stretch[] {
  return chunk.speech.flatMap((run) =>
    chunk.spans.flatMap(({ chunkMs, startMs, durationMs }): Stretch[] => {
      const from = Math.max(run.startMs, startMs);
      const to = Math.min(run.endMs, startMs + durationMs);
      return to > from ? [{ startMs: chunkMs + from - startMs, endMs: chunkMs + to - startMs }] : [];
    }),
  );
}

interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

/** Maps times of one chunk; spans ascend and leave no gap in the chunk. */
class ChunkClock {
  readonly #spans: readonly Span[];

  constructor(spans: readonly Span[]) {
    this.#spans = spans;
  }

  stretch(startMs: number, endMs: number): Stretch {
    const start = at(this.#spanFrom(startMs), startMs);
    return { startMs: start, endMs: Math.max(start, at(this.#spanUpTo(endMs), endMs)) };
  }

  word(startMs: number, endMs: number): Stretch {
    let home = this.#spanFrom(startMs);
    let heldMs = -1;
    for (const span of this.#spans) {
      const commonMs = Math.min(endMs, span.chunkMs + span.durationMs) - Math.max(startMs, span.chunkMs);
      if (commonMs > heldMs && commonMs > 0) {
        home = span;
        heldMs = commonMs;
      }
    }
    const start = at(home, startMs);
    return { startMs: start, endMs: Math.max(start, at(home, endMs)) };
  }

  /** The span in which something that begins at the time lies. */
  #spanFrom(timeMs: number): Span {
    return this.#last((span) => span.chunkMs <= timeMs);
  }

  /** The span in which something that ends at the time lies: on a border, the one before. */
  #spanUpTo(timeMs: number): Span {
    return this.#last((span) => span.chunkMs < timeMs);
  }

  #last(fits: (span: Span) => boolean): Span {
    const [first] = this.#spans;
    if (first === undefined) throw new RangeError('a chunk has at least one span');
    return this.#spans.findLast(fits) ?? first;
  }
}

function at(span: Span, timeMs: number): number {
  return span.startMs + Math.min(Math.max(timeMs - span.chunkMs, 0), span.durationMs);
}
