import type { ChunkPolicy, PlannedChunk } from '@murmuration/contracts';
import { SAMPLES_PER_MS } from '@murmuration/contracts/audio-format';
import { WINDOW_SAMPLES } from '../detect/audio-window.js';
import type { DetectedWindow, DetectionEnd } from '../detect/detector.js';
import type { SegmenterEvent } from '../detect/utterance-segmenter.js';
import { ChannelAccounting } from './channel-accounting.js';
import { chooseCut, type CutWindow } from './cut-place.js';
import { PcmTape } from './pcm-tape.js';

/** A chunk that is complete, before it gets its place in the recording's count. `pcm` is signed 16-bit little endian, owned by the receiver. */
export interface ReadyChunk {
  readonly chunk: Omit<PlannedChunk, 'index'>;
  readonly pcm: Uint8Array<ArrayBuffer>;
  /** How much of the stream was needed before it was complete, samples. */
  readonly atSamples: number;
}

/** A stretch that goes into a chunk as a whole: an utterance with its padding, or what is left of one after cuts. */
interface Piece {
  readonly startSamples: number;
  readonly endSamples: number;
  readonly speechStartSamples: number;
  readonly speechEndSamples: number;
  /** At its beginning, also in the piece before. */
  readonly overlapSamples: number;
}

/** An utterance that has begun. */
interface OpenPiece {
  startSamples: number;
  speechStartSamples: number;
  overlapSamples: number;
  /** End of the latest window of speech. */
  reachSamples: number;
  /** False while it may still turn out too short. */
  confirmed: boolean;
}

/** An utterance that has ended, as long as it is unknown how much of the gap the next one leaves for its padding. */
type EndedPiece = Omit<Piece, 'endSamples'>;

/**
 * Cuts one channel into chunks that suit the model.
 *
 * An utterance goes through: open (begun, perhaps skipped again as too short) → ended (speech is over, padding not settled) → packed (in the chunk
 * that is being filled) → ready. It is cut while open as soon as it is longer than a chunk may be.
 * - Padding is kept on both sides, but of a gap to a neighbour at most half; what was skipped as too short is a neighbour, too.
 * - Packing: a chunk is closed when the gap to the next utterance exceeds `packGapMs`, when it has reached `targetChunkMs`, or when the next
 *   utterance would make it longer than `maxChunkMs`. With `packGapMs` 0 every utterance is a chunk of its own, ready the moment its padding is settled.
 * - The silence between packed utterances stays in the chunk, unless something was skipped in it: then only the paddings stay, and `spans` tells
 *   of the hole. (Moonshine tiny int8, 166 words, gaps up to 2 s: 1 error with the silence, 4 with the paddings alone, 6 unpacked. This is a hint and no proof:
 *   nearly all of the difference is one recording in three encodings.)
 * - A chunk ends with its last padding. It is not extended to the model's grid with the audio after it, because it would have to wait for audio that
 *   has not arrived. (It did not help either: 5 errors in 122 words as it is, 6 when extended with audio, 6 with digital silence, a difference of one word.)
 *
 * What is held: the chunk being filled and the open utterance, each at most `maxChunkMs`, and one piece of input.
 */
export class ChunkPlanner {
  readonly accounting: ChannelAccounting;
  readonly #channel: number;
  readonly #maxSamples: number;
  readonly #targetSamples: number;
  readonly #packGapSamples: number;
  readonly #overlapSamples: number;
  readonly #paddingSamples: number;
  readonly #tape = new PcmTape();
  #windows: CutWindow[] = [];
  #firstWindow = 0;
  /** Up to here it is certain where speech begins and ends. */
  #clearSamples = 0;
  #neighbourEndSamples: number | null = null;
  #skippedEndSamples = 0;
  #open: OpenPiece | null = null;
  #ended: EndedPiece | null = null;
  #pack: Piece[] = [];
  #ready: ReadyChunk[] = [];
  #atSamples = 0;
  #totalSamples = Infinity;

  /** @param paddingMs audio kept before and after each utterance */
  constructor(channel: number, policy: ChunkPolicy, paddingMs: number) {
    this.#channel = channel;
    this.accounting = new ChannelAccounting(channel);
    this.#maxSamples = policy.maxChunkMs * SAMPLES_PER_MS;
    this.#targetSamples = policy.targetChunkMs * SAMPLES_PER_MS;
    this.#packGapSamples = policy.packGapMs * SAMPLES_PER_MS;
    // An overlap of more than a third would cost more work than the cut saves.
    this.#overlapSamples = Math.min(policy.overlapMs * SAMPLES_PER_MS, Math.floor(this.#maxSamples / 3));
    this.#paddingSamples = paddingMs * SAMPLES_PER_MS;
  }

  /** Samples that are held, for tests of the bound. */
  get heldSamples(): number {
    return this.#tape.endSamples - this.#tape.startSamples;
  }

  /** Takes audio; comes before the decisions about it. */
  append(samples: Float32Array): void {
    this.#tape.append(samples);
  }

  /** Takes the detector's decision about the next window and returns the chunks that it completes. */
  observe(window: DetectedWindow): ReadyChunk[] {
    const endSamples = Math.min((window.index + 1) * WINDOW_SAMPLES, this.#totalSamples);
    this.#atSamples = window.atSamples;
    this.#windows.push({ rms: window.rms, speaking: window.speaking });
    for (const event of window.events) this.#handle(event);
    if (this.#open !== null && window.speaking) this.#extend(this.#open, endSamples);
    if (this.#open === null) this.#advance(endSamples);
    this.#forget();
    return this.#take();
  }

  /** Takes the end of the stream and returns the last chunks. */
  finish(end: DetectionEnd): ReadyChunk[] {
    this.#totalSamples = end.totalSamples;
    const ready = end.windows.flatMap((window) => this.observe(window));
    this.#atSamples = end.totalSamples;
    for (const event of end.events) this.#handle(event);
    if (this.#ended !== null)
      this.#settle(this.#ended, Math.min(this.#ended.speechEndSamples + this.#paddingSamples, end.totalSamples));
    this.#closePack();
    ready.push(...this.#take());
    return ready;
  }

  #handle(event: SegmenterEvent): void {
    switch (event.type) {
      case 'onset':
        this.#begin(event.startSamples);
        break;
      case 'confirmed':
        if (this.#open !== null) this.#open.confirmed = true;
        break;
      case 'utterance':
        this.#end(event.startSamples, event.endSamples);
        break;
      case 'skipped':
        this.#open = null;
        this.#neighbourEndSamples = event.endSamples;
        this.#skippedEndSamples = event.endSamples;
        this.accounting.addSkipped(event.startSamples, event.endSamples, event.reason);
        break;
    }
  }

  #begin(speechStartSamples: number): void {
    const gapSamples = this.#neighbourEndSamples === null ? Infinity : speechStartSamples - this.#neighbourEndSamples;
    const paddingSamples = Math.min(this.#paddingSamples, Math.floor(gapSamples / 2));
    if (this.#ended !== null) this.#settle(this.#ended, this.#ended.speechEndSamples + paddingSamples);
    const last = this.#pack.at(-1);
    if (last !== undefined && speechStartSamples - last.speechEndSamples > this.#packGapSamples) this.#closePack();
    this.#open = {
      startSamples: Math.max(0, speechStartSamples - paddingSamples),
      speechStartSamples,
      overlapSamples: 0,
      reachSamples: speechStartSamples,
      confirmed: false,
    };
  }

  #extend(open: OpenPiece, reachSamples: number): void {
    open.reachSamples = reachSamples;
    if (!open.confirmed) return;
    if (this.#packedSamples() + reachSamples - this.#packedStart(open.startSamples) > this.#maxSamples)
      this.#closePack();
    while (open.reachSamples - open.startSamples > this.#maxSamples) this.#cut(open);
  }

  #cut(open: OpenPiece): void {
    const { startSamples } = open;
    this.#dropWindowsBefore(startSamples);
    const place = chooseCut({
      startSamples,
      windows: this.#windows,
      firstWindow: this.#firstWindow,
      maxSamples: this.#maxSamples,
      forcedMarginSamples: Math.ceil(this.#overlapSamples / 2),
    });
    const endSamples = place.forced
      ? Math.min(place.atSamples + Math.ceil(this.#overlapSamples / 2), startSamples + this.#maxSamples)
      : place.atSamples;
    this.#emit([
      {
        startSamples,
        endSamples,
        speechStartSamples: open.speechStartSamples,
        speechEndSamples: endSamples,
        overlapSamples: open.overlapSamples,
      },
    ]);
    open.overlapSamples = place.forced ? this.#overlapSamples : 0;
    open.startSamples = endSamples - open.overlapSamples;
    open.speechStartSamples = open.startSamples;
  }

  #end(startSamples: number, endSamples: number): void {
    this.accounting.addSpeech(startSamples, endSamples);
    this.#neighbourEndSamples = endSamples;
    if (this.#open === null) return;
    const { startSamples: pieceStartSamples, speechStartSamples, overlapSamples } = this.#open;
    this.#open = null;
    this.#ended = { startSamples: pieceStartSamples, speechStartSamples, speechEndSamples: endSamples, overlapSamples };
  }

  /** Up to this position nothing is open. */
  #advance(clearSamples: number): void {
    this.#clearSamples = clearSamples;
    if (this.#ended !== null && clearSamples - this.#ended.speechEndSamples >= 2 * this.#paddingSamples) {
      this.#settle(this.#ended, this.#ended.speechEndSamples + this.#paddingSamples);
    }
    const last = this.#pack.at(-1);
    if (last !== undefined && this.#ended === null && clearSamples - last.speechEndSamples > this.#packGapSamples)
      this.#closePack();
  }

  #settle(ended: EndedPiece, endSamples: number): void {
    this.#ended = null;
    const pieceEndSamples = Math.min(endSamples, ended.startSamples + this.#maxSamples);
    if (this.#packedSamples() + pieceEndSamples - this.#packedStart(ended.startSamples) > this.#maxSamples)
      this.#closePack();
    this.#pack.push({ ...ended, startSamples: this.#packedStart(ended.startSamples), endSamples: pieceEndSamples });
    if (this.#packGapSamples === 0 || this.#packedSamples() >= this.#targetSamples) this.#closePack();
  }

  /** Where a packed piece begins: where the last one ends, apart from what was skipped between them. */
  #packedStart(startSamples: number): number {
    const last = this.#pack.at(-1);
    return last === undefined || this.#skippedEndSamples > last.speechEndSamples ? startSamples : last.endSamples;
  }

  #packedSamples(): number {
    return this.#pack.reduce((sum, piece) => sum + piece.endSamples - piece.startSamples, 0);
  }

  #closePack(): void {
    if (this.#pack.length > 0) this.#emit(this.#pack);
    this.#pack = [];
  }

  #emit(pieces: readonly Piece[]): void {
    const spans: PlannedChunk['spans'] = [];
    let samples = 0;
    let lastEndSamples = -1;
    for (const { startSamples, endSamples } of pieces) {
      const durationMs = (endSamples - startSamples) / SAMPLES_PER_MS;
      const last = spans.at(-1);
      if (last !== undefined && startSamples === lastEndSamples) last.durationMs += durationMs;
      else spans.push({ chunkMs: samples / SAMPLES_PER_MS, startMs: startSamples / SAMPLES_PER_MS, durationMs });
      samples += endSamples - startSamples;
      lastEndSamples = endSamples;
    }
    const speech = pieces.map((piece) => ({
      startMs: piece.speechStartSamples / SAMPLES_PER_MS,
      endMs: piece.speechEndSamples / SAMPLES_PER_MS,
    }));
    const overlapMs = (pieces[0]?.overlapSamples ?? 0) / SAMPLES_PER_MS;
    this.#ready.push({
      chunk: { channel: this.#channel, samples, spans, speech, overlapMs },
      pcm: this.#tape.read(pieces),
      atSamples: this.#atSamples,
    });
  }

  /** Drops audio and windows that no chunk can need any more. */
  #forget(): void {
    const keepSamples =
      this.#pack[0]?.startSamples ??
      this.#ended?.startSamples ??
      this.#open?.startSamples ??
      this.#clearSamples - this.#paddingSamples;
    this.#tape.dropBefore(keepSamples);
    if (this.#open === null) this.#dropWindowsBefore(this.#clearSamples - this.#paddingSamples);
  }

  #dropWindowsBefore(positionSamples: number): void {
    const dropped = Math.min(Math.ceil(positionSamples / WINDOW_SAMPLES) - this.#firstWindow, this.#windows.length);
    if (dropped <= 0) return;
    this.#windows.splice(0, dropped);
    this.#firstWindow += dropped;
  }

  #take(): ReadyChunk[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }
}
