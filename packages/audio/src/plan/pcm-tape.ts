import { endianness } from 'node:os';

/** The latest part of one channel as signed 16-bit samples; positions count from the start of the stream. */
export class PcmTape {
  #samples = new Int16Array(32_768);
  #start = 0;
  #length = 0;

  /** Position after the last sample. */
  get endSamples(): number {
    return this.#start + this.#length;
  }

  /** Position of the first sample that is still held. */
  get startSamples(): number {
    return this.#start;
  }

  /** Adds samples in [-1, 1]; what lies beyond is clipped. */
  append(samples: Float32Array): void {
    const needed = this.#length + samples.length;
    if (needed > this.#samples.length) {
      const grown = new Int16Array(Math.max(needed, this.#samples.length * 2));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    for (let index = 0; index < samples.length; index++) {
      // Equal to `Math.round`, which takes four times as long here.
      const scaled = Math.floor((samples[index] ?? 0) * 32_768 + 0.5);
      this.#samples[this.#length + index] = scaled > 32_767 ? 32_767 : scaled < -32_768 ? -32_768 : scaled;
    }
    this.#length = needed;
  }

  /** Forgets everything before a position. */
  dropBefore(positionSamples: number): void {
    const dropped = Math.min(positionSamples - this.#start, this.#length);
    // Moving what is left costs as much as it is long: worth it only when at least as much goes away.
    if (dropped <= 0 || dropped < this.#length - dropped) return;
    this.#samples.copyWithin(0, dropped, this.#length);
    this.#start += dropped;
    this.#length -= dropped;
  }

  /** Copies stretches, one behind the other, as little-endian bytes. Throws `RangeError` when one is not held. */
  read(stretches: readonly { readonly startSamples: number; readonly endSamples: number }[]): Uint8Array<ArrayBuffer> {
    const samples = new Int16Array(
      stretches.reduce((sum, stretch) => sum + stretch.endSamples - stretch.startSamples, 0),
    );
    let position = 0;
    for (const { startSamples, endSamples } of stretches) {
      if (startSamples < this.#start || endSamples > this.endSamples)
        throw new RangeError('the stretch is not on the tape');
      samples.set(this.#samples.subarray(startSamples - this.#start, endSamples - this.#start), position);
      position += endSamples - startSamples;
    }
    const bytes = new Uint8Array(samples.buffer);
    if (endianness() === 'BE') Buffer.from(bytes.buffer).swap16();
    return bytes;
  }
}
