import type { Segment, Transcript } from '@murmuration/contracts';
import type { Transcription, TranscriptionRequest, TranscriptionService } from '@murmuration/intake';

/**
 * One start of the work on an upload.
 * running --result--> done; running --fault--> failed; running --`cancel` or the client goes--> failed with `cancelled`.
 */
export class Attempt {
  readonly #cancelled = new AbortController();
  readonly #transcription: Promise<Transcription>;
  readonly #transcript: Promise<Transcript>;
  #followed: Promise<void> | null = null;

  constructor(service: TranscriptionService, request: TranscriptionRequest) {
    this.#transcription = service.start({ ...request, signal: AbortSignal.any([request.signal, this.#cancelled.signal]) });
    this.#transcript = this.#transcription.then((transcription) => transcription.result());
    this.#transcript.catch(() => undefined);
  }

  get following(): boolean {
    return this.#followed !== null;
  }

  /** Hands out final segments from the first on; waits for each to be taken. Call it once. */
  follow(accepted: () => void, take: (segments: readonly Segment[]) => Promise<void>): void {
    const follow = async (): Promise<void> => {
      const transcription = await this.#transcription;
      accepted();
      for await (const { segments } of transcription.progress()) {
        if (this.#cancelled.signal.aborted) return;
        if (segments.length > 0) await take(segments);
      }
    };
    this.#followed = follow();
    this.#followed.catch(() => undefined);
  }

  /** The transcript, once all segments were taken by the one who follows. Throws what either failed with. */
  async outcome(): Promise<Transcript> {
    const [transcript] = await Promise.all([this.#transcript, this.#followed]);
    return transcript;
  }

  /** Rejects as soon as the work fails; never resolves. */
  failure(): Promise<never> {
    return new Promise((_resolve, reject) => { this.#transcript.catch(reject); });
  }

  cancel(): void {
    this.#cancelled.abort();
  }
}
