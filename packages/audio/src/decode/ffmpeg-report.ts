/** Longest line and most bytes of ffmpeg's log that are looked at; what a client's file makes it print is unbounded. */
const MAX_LINE_CHARS = 2_000;
const MAX_LOG_CHARS = 200_000;

/** What ffmpeg's log says about a recording. Fed from its standard error; keeps no line. */
export class FfmpegReport {
  /** Codec of the audio track that is decoded, or null. */
  codec: string | null = null;
  sampleRateHz: number | null = null;
  /** Length that the header declares, or null. Milliseconds. */
  declaredMs: number | null = null;
  /** Where the clock of the earliest track begins, or null. Milliseconds. */
  startMs: number | null = null;
  /** Settles when all that is told of the input was read, which is before any sound comes out. */
  readonly opened: Promise<void>;
  /** Audio tracks of the file. */
  audioTracks = 0;
  /** True when the file was opened and lacks the audio track. */
  noTrack = false;
  /** True when parts could not be decoded. */
  damaged = false;
  /** True when the file's end is missing, by ffmpeg's own word. */
  partial = false;
  readonly #track: number;
  #inInput = true;
  #open: () => void = () => undefined;
  #line = '';
  #seen = 0;

  /** @param track the one that is decoded, counted from 0 */
  constructor(track: number) {
    this.#track = track;
    this.opened = new Promise((resolve) => { this.#open = resolve; });
  }

  /** The log has ended. */
  end(): void {
    this.#open();
  }

  push(text: string): void {
    this.#seen += text.length;
    if (this.#seen > MAX_LOG_CHARS) {
      this.#open();
      return;
    }
    const lines = (this.#line + text).split('\n');
    this.#line = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS);
    for (const line of lines) this.#read(line.slice(0, MAX_LINE_CHARS));
  }

  #read(line: string): void {
    const stream = this.#inInput ? /\[info\] +Stream #0:\d+.*?: Audio: (\w+)(?:.*?, (\d+) Hz)?/.exec(line) : null;
    if (stream !== null && this.audioTracks++ === this.#track) {
      this.codec = stream[1] ?? null;
      this.sampleRateHz = stream[2] === undefined ? null : Number(stream[2]);
    }
    const duration = this.declaredMs === null ? /\[info\] +Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(line) : null;
    if (duration !== null) this.declaredMs = (Number(duration[1]) * 3_600 + Number(duration[2]) * 60 + Number(duration[3])) * 1_000;
    const start = this.startMs === null ? /\[info\] +Duration: .*?, start: (-?\d+\.\d+)/.exec(line) : null;
    if (start !== null) this.startMs = Number(start[1]) * 1_000;
    if (line.startsWith('[info] Output #0')) {
      this.#inInput = false;
      this.#open();
    }
    if (line.includes('matches no streams')) this.noTrack = true;
    if (line.includes('not on whitelist')) return;
    if (line.includes('partial file')) this.partial = true;
    if (line.includes('Error while decoding') || line.includes('Error submitting packet') || line.includes('Invalid data found')) this.damaged = true;
  }
}
