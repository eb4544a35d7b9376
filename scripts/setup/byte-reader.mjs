/** Reads a stream of buffers by exact counts; holds one buffer of it at a time. Every method throws when the stream ends before. */
export class ByteReader {
  #source;
  #pending = Buffer.alloc(0);

  constructor(source) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Between one and `most` bytes, as soon as there are some. */
  async some(most) {
    while (this.#pending.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) throw new Error('the archive ends early');
      this.#pending = value;
    }
    const piece = this.#pending.subarray(0, most);
    this.#pending = this.#pending.subarray(piece.length);
    return piece;
  }

  /** Exactly `count` bytes. */
  async exactly(count) {
    const pieces = [];
    for (let have = 0; have < count;) {
      const piece = await this.some(count - have);
      pieces.push(piece);
      have += piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** The next `count` bytes as an async iterable; `skipRest` passes over what was not read of them. */
  upTo(count) {
    let left = count;
    const next = async () => {
      const piece = await this.some(left);
      left -= piece.length;
      return piece;
    };
    return {
      async *[Symbol.asyncIterator]() {
        while (left > 0) yield await next();
      },
      async skipRest() {
        while (left > 0) await next();
      },
    };
  }
}
