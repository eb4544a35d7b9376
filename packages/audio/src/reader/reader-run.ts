import type { RecordingSummary } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import type { DetectionThreads, ThreadLease } from '../detect/detection-threads.js';
import type { OpenedDecoding } from '../decode/open-decoding.js';
import type { RecordingEvent, RecordingInput } from '../recording.js';
import { SpeechReaderFeed, type FeedPiece } from './reader-feed.js';
import {
  formatName,
  type OpenRecording,
  type PieceAnswer,
  type RecordingPiece,
  type SpeechReaderMethods,
} from './thread-recording.js';

/** Most pieces that are in a thread, or answered and not yet handed out. */
const MAX_PIECES = 2;
/** Bytes of a file, and bytes of PCM, that are read ahead. */
const MAX_PIECE_BYTES = 262_144;
const MAX_PIECE_PCM_BYTES = 1_048_576;

let nextRecording = 0;

/**
 * The caller's side of one recording that goes through a thread.
 *
 * Source → feed (reads ahead, bounded) → thread (two pieces at most) → answers → events. While nobody pulls events no piece is sent,
 * the feed fills up and the source is not read any further.
 * States: running → ended (the answer with the summary was handed out) or failed (source, thread, abort, or `fail`); `close` frees in any case.
 */
export class SpeechReaderRun {
  readonly #recording = nextRecording++;
  readonly #input: RecordingInput;
  readonly #decoding: OpenedDecoding;
  readonly #feed: PieceFeed;
  #lease: ThreadLease<SpeechReaderMethods> | null = null;
  readonly #answers: PieceAnswer[] = [];
  #sent = 0;
  #inThread = 0;
  #lastSent = false;
  #answered = false;
  #failure: { readonly error: unknown } | null = null;
  #wake: (() => void) | null = null;

  /** Starts reading the source. */
  constructor(input: RecordingInput, decoding: OpenedDecoding) {
    this.#input = input;
    this.#decoding = decoding;
    const onChange = (): void => {
      this.#wakeUp();
    };
    this.#feed = decoding.kind === 'bounded' ? bytesFeed(decoding.source, onChange) : pcmFeed(decoding.pcm, onChange);
  }

  /** Makes `events` throw. The first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wakeUp();
  }

  /** Chunks as they are complete, then the end. Throws what the source threw, or `AsrError`. */
  async *events(threads: DetectionThreads<SpeechReaderMethods>): AsyncGenerator<RecordingEvent, void, void> {
    // A thread that dies while the source is awaited has no call to reject.
    const lease = await threads.lease(() => {
      this.fail(new AsrError('internal'));
    });
    this.#lease = lease;
    for (;;) {
      this.#failure ??= this.#feed.failure;
      if (this.#failure !== null) throw this.#failure.error;
      this.#send(lease.thread);
      const answer = this.#answers.shift();
      if (answer === undefined) {
        await this.#woken();
        continue;
      }
      for (const { chunk, pcm } of answer.chunks) yield { type: 'chunk', chunk, pcm };
      if (answer.summary !== null) {
        this.#answered = true;
        yield { type: 'end', summary: this.#complete(answer.summary) };
        return;
      }
    }
  }

  /** Stops the reading and releases the place on the thread. */
  close(): void {
    this.#feed.close();
    if (this.#sent > 0 && !this.#answered)
      this.#lease?.thread.call('drop', this.#recording).catch(leaveAlone('closing'));
    this.#lease?.release();
  }

  #send(thread: ThreadLease<SpeechReaderMethods>['thread']): void {
    while (!this.#lastSent && this.#inThread + this.#answers.length < MAX_PIECES) {
      const taken = this.#feed.take();
      if (taken === null) return;
      const piece: RecordingPiece = {
        recording: this.#recording,
        open: this.#sent === 0 ? this.#open() : null,
        ...taken,
      };
      this.#sent++;
      this.#inThread++;
      this.#lastSent = taken.last;
      const buffers =
        'bytes' in taken.content ? [taken.content.bytes.buffer] : taken.content.pcm.map((track) => track.buffer);
      thread.call('push', piece, buffers).then(
        (answer) => {
          this.#inThread--;
          this.#answers.push(answer);
          this.#wakeUp();
        },
        (error: unknown) => {
          this.fail(AsrError.from(error));
        },
      );
    }
  }

  #open(): OpenRecording {
    const { channels, detect, policy, limits } = this.#input;
    return {
      container: this.#decoding.kind === 'bounded' ? this.#decoding.container : null,
      channels,
      detect,
      policy,
      limits,
    };
  }

  /** Adds what only the decoder outside the thread knows. */
  #complete(summary: RecordingSummary): RecordingSummary {
    if (this.#decoding.kind === 'bounded') return summary;
    return {
      ...summary,
      format: formatName(this.#decoding.format()),
      warnings: [...this.#decoding.warnings(), ...summary.warnings],
      decodeMs: this.#feed.waitedMs,
    };
  }

  /** Wakes after everything that arrives at this moment, so that a body that is already there goes to the thread as one piece. */
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        setImmediate(resolve);
      };
    });
  }

  #wakeUp(): void {
    this.#wake?.();
  }
}

type Content = RecordingPiece['content'];

/** A feed whose pieces are ready to be moved to a thread. */
interface PieceFeed {
  take(): { readonly content: Content; readonly last: boolean } | null;
  readonly failure: { readonly error: unknown } | null;
  readonly waitedMs: number;
  close(): void;
}

function bytesFeed(source: AsyncIterable<Uint8Array>, onChange: () => void): PieceFeed {
  return packed(new SpeechReaderFeed(source, (bytes) => bytes.byteLength, MAX_PIECE_BYTES, onChange), (parts) => {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    parts.reduce((position, part) => {
      bytes.set(part, position);
      return position + part.byteLength;
    }, 0);
    return { bytes };
  });
}

function pcmFeed(source: AsyncIterable<Float32Array[]>, onChange: () => void): PieceFeed {
  return packed(
    new SpeechReaderFeed(
      source,
      (block) => block.reduce((sum, track) => sum + track.byteLength, 0),
      MAX_PIECE_PCM_BYTES,
      onChange,
    ),
    (blocks) => {
      const samples = blocks.reduce((sum, block) => sum + (block[0]?.length ?? 0), 0);
      const pcm = Array.from(
        { length: Math.max(0, ...blocks.map((block) => block.length)) },
        () => new Float32Array(samples),
      );
      let position = 0;
      for (const block of blocks) {
        for (const [channel, track] of block.entries()) pcm[channel]?.set(track, position);
        position += block[0]?.length ?? 0;
      }
      return { pcm };
    },
  );
}

function packed<T>(feed: SpeechReaderFeed<T>, pack: (items: readonly T[]) => Content): PieceFeed {
  return {
    take: () => {
      const piece: FeedPiece<T> | null = feed.take();
      return piece === null ? null : { content: pack(piece.items), last: piece.last };
    },
    get failure() {
      return feed.failure;
    },
    get waitedMs() {
      return feed.waitedMs;
    },
    close: () => {
      feed.close();
    },
  };
}
