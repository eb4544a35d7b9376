import type { TranscriptionService } from '@murmuration/transcribe';

/** What one sample is, with the tag and the bits that stand for it in a wav. */
export const RAW_ENCODINGS = {
  linear16: { tag: 1, bits: 16 },
  linear32: { tag: 3, bits: 32 },
  alaw: { tag: 6, bits: 8 },
  mulaw: { tag: 7, bits: 8 },
} as const;

/** How samples without a header lie in a body. */
export interface RawFormat {
  /** `linear16`: signed, little endian. `linear32`: float, little endian. */
  readonly encoding: keyof typeof RAW_ENCODINGS;
  readonly rateHz: number;
  readonly channels: number;
}

/** Beginnings of files that have a header: RIFF and its kin, Ogg, FLAC, ID3, AIFF, CAF, AU, Matroska, MP4. */
const HEADER = /^(?:RIFF|RIFX|RF64|BW64|OggS|fLaC|ID3|FORM|caff|\.snd|\x1aE\xdf\xa3|[^]{4}ftyp)/;

/** The service, for sources that are samples without a header. A source that has one is passed on as it is. */
export class RawSamplesService implements TranscriptionService {
  readonly #service: TranscriptionService;
  readonly #format: RawFormat;
  readonly #mostBytes: number;

  /** @param mostBytes of a source, what is read */
  constructor(service: TranscriptionService, format: RawFormat, mostBytes = Infinity) {
    this.#service = service;
    this.#format = format;
    this.#mostBytes = mostBytes;
  }

  resolveModel: TranscriptionService['resolveModel'] = (name) => this.#service.resolveModel(name);
  status: TranscriptionService['status'] = () => this.#service.status();
  activeJobs: TranscriptionService['activeJobs'] = (whose) => this.#service.activeJobs(whose);
  start: TranscriptionService['start'] = (request) =>
    this.#service.start({
      ...request,
      source: this.#asWav(request.source),
      // What the source has of its own is found by its first bytes.
      contentType: 'audio/wav',
      extension: 'wav',
    });

  async *#asWav(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let left = this.#mostBytes;
    let isFirst = true;
    for await (const bytes of source) {
      if (isFirst && !HEADER.test(Buffer.from(bytes.subarray(0, 8)).toString('latin1'))) yield wavHeader(this.#format);
      isFirst = false;
      yield bytes.subarray(0, left);
      left -= bytes.length;
      if (left <= 0) return;
    }
  }
}

/** The header of a wav whose length is not known. */
function wavHeader({ encoding, rateHz, channels }: RawFormat): Uint8Array {
  const { tag, bits } = RAW_ENCODINGS[encoding];
  const frameBytes = (channels * bits) / 8;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(0xffff_ffff, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(tag, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(rateHz * frameBytes, 28);
  header.writeUInt16LE(frameBytes, 32);
  header.writeUInt16LE(bits, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(0xffff_ffff, 40);
  return header;
}
