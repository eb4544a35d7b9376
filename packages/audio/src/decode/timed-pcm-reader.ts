import type { ChannelMode } from '@murmuration/contracts';
import { AsrError } from '@murmuration/contracts/errors';
import type { RecordingLimits } from '../recording.js';
import { MatroskaPackets, type MatroskaBlock } from './matroska-packets.js';
import { deinterleave, floatEncoding } from './sample-encoding.js';
import { TimedShaper, type TimedPart } from './timed-shaper.js';
import type { DecodeWarning } from './stream-findings.js';

/** PCM of one decoded packet: some formats hold a second of many channels in one. */
const MAX_PACKET_BYTES = 64 * 1_048_576;
const ENCODING = floatEncoding(4, true);

/** Reads what ffmpeg writes where times count: 32-bit float PCM in Matroska, whose time stamps are those of the file. */
export class TimedPcmReader {
  readonly #packets = new MatroskaPackets(null, MAX_PACKET_BYTES);
  readonly #shaper: TimedShaper;

  readonly #fileMs: (ms: number) => number;

  /** @param fileMs time in the file of a sound that has this time in what is read */
  constructor(channels: ChannelMode, limits: RecordingLimits, fileMs = (ms: number) => ms) {
    this.#fileMs = fileMs;
    this.#shaper = new TimedShaper(channels, limits);
  }

  /** Null until the header was read. */
  get format(): { readonly sampleRateHz: number; readonly channels: number } | null {
    return this.#packets.track;
  }

  get warnings(): readonly DecodeWarning[] {
    return this.#shaper.warnings();
  }

  /** @param originMs where the file's clock stands at its beginning */
  push(bytes: Uint8Array, originMs: number): TimedPart[] {
    return this.#shaped(this.#packets.push(bytes), originMs);
  }

  finish(originMs: number): TimedPart[] {
    return [...this.#shaped(this.#packets.finish(), originMs), ...this.#shaper.finish()];
  }

  #shaped(blocks: readonly MatroskaBlock[], originMs: number): TimedPart[] {
    const { track } = this.#packets;
    if (track === null || ENCODING === null) return [];
    if (track.channels < 1) throw new AsrError('unprocessable_audio');
    return blocks.flatMap(({ packets, startMs }) =>
      packets.flatMap((packet) => {
        const frames = packet.subarray(0, packet.length - (packet.length % (4 * track.channels)));
        return this.#shaper.push({
          planar: deinterleave(frames, ENCODING, track.channels),
          sampleRateHz: track.sampleRateHz,
          startMs: this.#fileMs(startMs) - originMs,
        });
      }),
    );
  }
}
