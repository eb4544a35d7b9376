import { readFile } from 'node:fs/promises';
import { openSession, RowPicker, type SessionOptions } from '@murmuration/onnx';
import type { LinearArithmetic } from '../../graph/linear-layers.js';
import { splitDecoder } from './decoder-graphs.js';
import { findDecoderNames, type DecoderRows, type DecoderSteps } from './decoder-rows.js';
import { DeviceRows } from './device-rows.js';
import { HostRows, RowBuffers } from './host-rows.js';

const KEPT_CACHES = /^present\./;

/** The decoder's two graphs, a first step and all others, and the rows of one batch at a time in them. */
export class MoonshineDecoder {
  readonly #steps: DecoderSteps;
  readonly #buffers = new RowBuffers();
  /** Null where rows lie in the machine's memory. */
  readonly #picker: RowPicker | null;

  private constructor(steps: DecoderSteps, picker: RowPicker | null) {
    this.#steps = steps;
    this.#picker = picker;
  }

  /**
   * Throws the file system's error, or one that names the file when it is no Moonshine decoder.
   * @param onCard whether graphs and rows are those for a graphics card
   */
  static async load(
    path: string,
    arithmetic: LinearArithmetic,
    options: SessionOptions,
    onCard: boolean,
  ): Promise<MoonshineDecoder> {
    const graphs = splitDecoder(await readFile(path), arithmetic, onCard);
    const kept = { ...options, keep: KEPT_CACHES };
    // On a CPU what the first step gives is copied to its row.
    const first = await openSession(graphs.first, onCard ? kept : options);
    const next = await openSession(graphs.next, kept);
    const steps = { first, next, names: findDecoderNames(next.inputs) };
    return new MoonshineDecoder(steps, onCard ? new RowPicker(options) : null);
  }

  /** Bytes that its sessions have taken from host memory and given there so far. */
  get hostBytes(): number {
    return this.#steps.first.hostBytes + this.#steps.next.hostBytes;
  }

  /** @param positions encoder frames that every row is padded to; @param capacity most rows */
  rows(positions: number, capacity: number): DecoderRows {
    return this.#picker === null
      ? new HostRows(this.#steps, positions, capacity, this.#buffers)
      : new DeviceRows(this.#steps, positions, capacity, this.#buffers, this.#picker);
  }

  async close(): Promise<void> {
    await this.#picker?.close();
    await this.#steps.first.close();
    await this.#steps.next.close();
  }
}
