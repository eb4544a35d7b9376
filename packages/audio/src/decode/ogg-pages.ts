import { asciiOf, viewOf, ByteQueue } from './byte-queue.js';

/** Longer packets (cover art in comments) are dropped: no audio packet comes near it. */
const MAX_PACKET_BYTES = 1_048_576;
const NO_GRANULE = 0xffff_ffff_ffff_ffffn;

/** One page of one stream: the packets that end on it. */
export interface OggPage {
  readonly serial: number;
  readonly first: boolean;
  readonly last: boolean;
  /** Position at the end of the page in the codec's unit, or null when no packet ends here. */
  readonly granule: number | null;
  /** Owned copies. A packet that was too long is empty. */
  readonly packets: readonly Uint8Array[];
  /** The page as it came; a view, valid until the next push. */
  readonly bytes: Uint8Array;
  /** Counted in each stream. */
  readonly number: number;
  /** Bytes between the page before and this one. */
  readonly passedBytes: number;
}

/** Streaming reader of Ogg pages (RFC 3533). Looks for the next page where one is damaged. Holds one page, and one packet a stream. */
export class OggPages {
  readonly #queue = new ByteQueue();
  readonly #open = new Map<number, Uint8Array[]>();
  #passed = 0;

  /** True while the bytes so far end within a page; what follows the last page and is none, such as a tag, does not count. */
  get insidePage(): boolean {
    const rest = this.#queue.peek(Math.min(4, this.#queue.length));
    return rest !== null && rest.length > 0 && 'OggS'.startsWith(asciiOf(rest));
  }

  push(bytes: Uint8Array): OggPage[] {
    this.#queue.push(bytes);
    const pages: OggPage[] = [];
    for (let page = this.#next(); page !== null; page = this.#next()) pages.push(page);
    return pages;
  }

  #next(): OggPage | null {
    for (;;) {
      const head = this.#queue.peek(27);
      if (head === null) return null;
      if (asciiOf(head, 0, 4) !== 'OggS') {
        this.#queue.skip(1);
        this.#passed++;
        continue;
      }
      const segments = head[26] ?? 0;
      const table = this.#queue.peek(27 + segments)?.slice(27);
      if (table === undefined) return null;
      const body = table.reduce((sum, length) => sum + length, 0);
      const page = this.#queue.take(27 + segments + body);
      if (page === null) return null;
      const view = viewOf(page);
      const flags = page[5] ?? 0;
      const serial = view.getUint32(14, true);
      const granule = view.getBigUint64(6, true);
      const passedBytes = this.#passed;
      this.#passed = 0;
      const packets = this.#packets(serial, (flags & 1) !== 0, table, page.subarray(27 + segments));
      return {
        serial,
        first: (flags & 2) !== 0,
        last: (flags & 4) !== 0,
        granule: granule === NO_GRANULE ? null : Number(BigInt.asIntN(64, granule)),
        packets,
        bytes: page,
        number: view.getUint32(18, true),
        passedBytes,
      };
    }
  }

  #packets(serial: number, continued: boolean, table: Uint8Array, body: Uint8Array): Uint8Array[] {
    const packets: Uint8Array[] = [];
    let parts = continued ? (this.#open.get(serial) ?? []) : [];
    // The rest of a packet whose start was lost is no packet.
    let lost = continued && !this.#open.has(serial);
    let from = 0;
    let to = 0;
    for (const length of table) {
      to += length;
      if (length === 255) continue;
      if (!lost) packets.push(joined([...parts, body.subarray(from, to)]));
      lost = false;
      parts = [];
      from = to;
    }
    this.#open.delete(serial);
    if (table[table.length - 1] === 255 && !lost && this.#open.size < 64) {
      const held = parts.reduce((sum, part) => sum + part.length, 0);
      this.#open.set(serial, held > MAX_PACKET_BYTES ? parts : [...parts, body.slice(from, to)]);
    }
    return packets;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > MAX_PACKET_BYTES) return new Uint8Array(0);
  const packet = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    packet.set(part, at);
    at += part.length;
  }
  return packet;
}
