import type { Transcript } from '@murmuration/client';
import { retimed, textOf, tokensOf, type Token } from './tokens.ts';

export interface EditedSegment {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly channel: number;
  readonly confidence: number;
  readonly tokens: readonly Token[];
  readonly text: string;
  readonly isEdited: boolean;
}

export interface EditedTranscript {
  readonly segments: readonly EditedSegment[];
  /** Names that a person gave to channels. */
  readonly names: Readonly<Record<number, string>>;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  readonly isEdited: boolean;
}

interface Step {
  readonly before: ReadonlyMap<number, EditedSegment>;
  readonly after: ReadonlyMap<number, EditedSegment>;
}

interface Stored {
  readonly texts: Readonly<Record<number, string>>;
  readonly names: Readonly<Record<number, string>>;
}

/** A transcript that a person mends. Every change is kept in this browser at once, so that a page that is closed loses none. */
export class TranscriptEdits {
  readonly #key: string;
  readonly #original: readonly EditedSegment[];
  readonly #undo: Step[] = [];
  #redo: Step[] = [];
  #view: EditedTranscript;
  readonly #listeners = new Set<() => void>();

  constructor(jobId: string, transcript: Transcript) {
    this.#key = `murmuration.edits.${jobId}`;
    this.#original = transcript.segments.map((segment) => ({
      id: segment.id,
      start: segment.start,
      end: segment.end,
      channel: segment.channel,
      confidence: segment.confidence,
      tokens: tokensOf(segment),
      text: segment.text.trim(),
      isEdited: false,
    }));
    const { texts, names } = read(this.#key);
    const segments = this.#original.map((segment) => {
      const text = texts[segment.id];
      return text === undefined ? segment : withText(segment, text);
    });
    this.#view = { segments, names, canUndo: false, canRedo: false, isEdited: segments.some((one) => one.isEdited) };
  }

  readonly view = (): EditedTranscript => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  setText(index: number, text: string): void {
    this.#do(new Map([[index, text]]));
  }

  /** Replaces every place, letters of either case; one step to undo. */
  replaceAll(wanted: string, replacement: string): void {
    if (wanted === '') return;
    const pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'giu');
    const texts = new Map<number, string>();
    this.#view.segments.forEach(({ text }, index) => {
      const changed = text.replace(pattern, () => replacement);
      if (changed !== text) texts.set(index, changed);
    });
    this.#do(texts);
  }

  rename(channel: number, name: string): void {
    this.#show({ names: { ...this.#view.names, [channel]: name } });
  }

  undo(): void {
    const step = this.#undo.pop();
    if (step === undefined) return;
    this.#redo.push(step);
    this.#put(step.before);
  }

  redo(): void {
    const step = this.#redo.pop();
    if (step === undefined) return;
    this.#undo.push(step);
    this.#put(step.after);
  }

  /** Back to what the model wrote; can be undone. */
  discard(): void {
    const texts = new Map<number, string>();
    this.#view.segments.forEach((segment, index) => {
      if (segment.isEdited) texts.set(index, this.#original[index]?.text ?? segment.text);
    });
    this.#do(texts);
  }

  #do(texts: ReadonlyMap<number, string>): void {
    const before = new Map<number, EditedSegment>();
    const after = new Map<number, EditedSegment>();
    for (const [index, text] of texts) {
      const [now, original] = [this.#view.segments[index], this.#original[index]];
      const clean = text.replace(/\s+/gu, ' ').trim();
      if (now === undefined || original === undefined || now.text === clean) continue;
      before.set(index, now);
      after.set(index, original.text === clean ? original : withText(now, clean));
    }
    if (after.size === 0) return;
    this.#undo.push({ before, after });
    this.#redo = [];
    this.#put(after);
  }

  #put(changed: ReadonlyMap<number, EditedSegment>): void {
    this.#show({ segments: this.#view.segments.map((segment, index) => changed.get(index) ?? segment) });
  }

  #show(change: Partial<EditedTranscript>): void {
    const segments = change.segments ?? this.#view.segments;
    this.#view = {
      ...this.#view,
      ...change,
      canUndo: this.#undo.length > 0,
      canRedo: this.#redo.length > 0,
      isEdited: segments.some(({ isEdited }) => isEdited),
    };
    const texts = Object.fromEntries(segments.filter(({ isEdited }) => isEdited).map(({ id, text }) => [id, text]));
    if (Object.keys(texts).length === 0 && Object.keys(this.#view.names).length === 0)
      localStorage.removeItem(this.#key);
    else localStorage.setItem(this.#key, JSON.stringify({ texts, names: this.#view.names } satisfies Stored));
    for (const listener of this.#listeners) listener();
  }
}

function withText(segment: EditedSegment, text: string): EditedSegment {
  const tokens = retimed(segment.tokens, text, segment);
  return { ...segment, tokens, text: textOf(tokens), isEdited: true };
}

function read(key: string): Stored {
  try {
    const { texts = {}, names = {} } = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Stored>;
    return { texts, names };
  } catch {
    return { texts: {}, names: {} };
  }
}
