import { ByteQueue } from './byte-queue.js';
import { declaredMp3Samples, findFrames, readMpegFrame } from './mpeg-frame.js';

/** As many bytes as surely hold the first frames of an mp3 after a small tag. */
const LOOK_BYTES = 16_384;

/** What the first frames of an mp3 say about it. Holds some kilobytes until they are there. */
export class Mp3Opening {
  /** Null until known, and for good where no frames were found. */
  channels: 1 | 2 | null = null;
  /** Length that the first frame declares (Xing or Info), or null. Milliseconds. */
  declaredMs: number | null = null;
  readonly #queue = new ByteQueue();
  #done = false;

  /** Takes the next bytes; gives all once the first frames are among them, none before. */
  push(bytes: Uint8Array): Uint8Array {
    this.#queue.push(bytes);
    if (!this.#done && this.#queue.length < LOOK_BYTES) return new Uint8Array(0);
    return this.finish();
  }

  /** Everything that was held. */
  finish(): Uint8Array {
    const bytes = this.#queue.takeUpTo(Infinity);
    if (!this.#done) this.#look(bytes);
    this.#done = true;
    return bytes;
  }

  #look(bytes: Uint8Array): void {
    const at = findFrames(bytes, (from) => readMpegFrame(bytes, from)?.bytes ?? null);
    const frame = at === null ? null : readMpegFrame(bytes, at);
    if (at === null || frame === null) return;
    const samples = declaredMp3Samples(bytes, at);
    this.channels = frame.channels;
    this.declaredMs = samples === null ? null : (samples * 1_000) / frame.sampleRateHz;
  }
}
