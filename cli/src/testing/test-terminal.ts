import { Interrupted, type Terminal } from '../terminal.js';

/** A terminal that keeps what is written, for tests. */
export class TestTerminal implements Terminal {
  readonly said = { out: '', err: '' };
  readonly isWatched: boolean;
  readonly columns = 80;
  readonly input: AsyncIterable<Uint8Array>;
  readonly #interruption = new AbortController();

  constructor({
    isWatched = false,
    input = [],
  }: { readonly isWatched?: boolean; readonly input?: readonly Uint8Array[] } = {}) {
    this.isWatched = isWatched;
    this.input = { [Symbol.asyncIterator]: () => piecesOf(input) };
  }

  out(text: string): void {
    this.said.out += text;
  }

  err(text: string): void {
    this.said.err += text;
  }

  interrupted(): AbortSignal {
    return this.#interruption.signal;
  }

  /** Presses Ctrl-C. */
  interrupt(): void {
    this.#interruption.abort(new Interrupted(130));
  }
}

async function* piecesOf(input: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of input) yield await Promise.resolve(piece);
}
