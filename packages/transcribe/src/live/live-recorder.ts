import { AsrError, msToSamples, samplesToMs, type LiveEnd } from '@murmuration/contracts';
import type {
  LiveSegmenterSnapshot,
  LiveSegmenterState,
  SegmentedPiece,
  LiveSegmenter,
  LiveSegmenterSettings,
  UtteranceEvent,
} from '@murmuration/audio';
import { backendUnavailable, type LiveChangeEvent, type LiveOwner, type LiveRecord } from '@murmuration/store';
import { LiveChanges, patiently, sessionVanished } from './live-changes.js';
import type { LiveParts } from './live-service.js';

/** A partial is due when the utterance has grown by this much, milliseconds. */
const PARTIAL_EVERY_MS = 500;
/** Replayed at once: 4 s. */
const REPLAY_SAMPLES = 64_000;
/** Keys get a new time to live this often, milliseconds. */
const RENEW_EVERY_MS = 60_000;

type Extra = { readonly cleared?: boolean; readonly finish?: LiveEnd };

/**
 * Hears a session's audio and stores what follows from it, one change after another: audio, utterances, state of decoder and detector, all or nothing.
 * `LiveChanges` stores them and queues what they made due. One call at a time.
 *
 * The segmenter: none → open (at the first audio; after a takeover from the snapshot, hearing again what was stored after it) → none when its thread died.
 * Throws `session_lost` (a newer owner has the session, or the store has none), `unprocessable_audio`, `backend_unavailable` (Redis was away for long, or the store is not where
 * this recorder left it: resume the session).
 */
export class LiveRecorder {
  #record: LiveRecord;
  readonly #parts: LiveParts;
  readonly #changes: LiveChanges;
  readonly #trace: string | null;
  readonly #settings: LiveSegmenterSettings;
  #segmenter: LiveSegmenter | null = null;
  #positionSamples: number;
  #sourceSamples: number;
  #snapshotAtSamples: number;
  #pendingSamples: number;
  #renewedMs = -Infinity;
  #isOpen: boolean;
  #countedMs: number;
  #closed: boolean;
  #replayed: readonly UtteranceEvent[] = [];
  #mixAdjusted = false;

  /** @param trace W3C `traceparent` that the work on its utterances belongs to, or null */
  constructor(record: LiveRecord, parts: LiveParts, trace: string | null) {
    this.#record = record;
    this.#parts = parts;
    this.#trace = trace;
    this.#changes = new LiveChanges(record, parts, trace);
    this.#settings = segmenterSettingsOf(record);
    this.#positionSamples = record.positionSamples;
    this.#sourceSamples = record.sourceSamples;
    this.#snapshotAtSamples = record.snapshotAtSamples;
    this.#pendingSamples = record.pendingSamples;
    this.#isOpen = record.isOpen;
    this.#countedMs = this.audioMs;
    this.#closed = record.state === 'closed';
  }

  get owner(): LiveOwner {
    return this.#changes.owner;
  }

  /** Client's samples a channel that are stored. */
  get sourceSamples(): number {
    return this.#sourceSamples;
  }

  /** Audio of ended utterances that are not final, milliseconds, as far as is known. */
  get pendingMs(): number {
    return samplesToMs(this.#pendingSamples);
  }

  set pendingMs(ms: number) {
    this.#pendingSamples = msToSamples(ms);
  }

  get audioMs(): number {
    return samplesToMs(this.#positionSamples);
  }

  /** Audio stored since this was last asked here, milliseconds. */
  takeUncountedMs(): number {
    const uncountedMs = Math.max(0, this.audioMs - this.#countedMs);
    this.#countedMs += uncountedMs;
    return uncountedMs;
  }

  /** An utterance is in progress. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True once the average of the channels would have lost sound and was replaced. */
  get mixAdjusted(): boolean {
    return this.#mixAdjusted;
  }

  /** True when the last change ended the session. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whole frames of bare samples, or the next bytes of a container. */
  async hear(bytes: Uint8Array): Promise<void> {
    const heard = await this.#segmented((segmenter) => segmenter.push(bytes));
    this.#mixAdjusted ||= heard.mixAdjusted;
    await this.#store(heard, {});
  }

  /** Ends the open utterance; answers its number, or null. */
  async commit(): Promise<number | null> {
    const heard = await this.#segmented((segmenter) => segmenter.commit());
    await this.#store(heard, {});
    return heard.events.find((event) => event.type === 'ended')?.utterance ?? null;
  }

  /** No audio comes: ends the open utterance where its speech ended. */
  async pause(): Promise<void> {
    await this.#store(await this.#segmented((segmenter) => segmenter.pause()), {});
  }

  async clear(): Promise<void> {
    await this.#store(await this.#segmented((segmenter) => segmenter.clear()), { cleared: true });
  }

  /** Ends the signal; the session closes by itself after its last final. */
  async finish(end: LiveEnd): Promise<void> {
    await this.#store(await this.#segmented((segmenter) => segmenter.finish()), { finish: end });
    this.close();
  }

  /** Takes the session again where the store has lost that this owner took it, as in a failover. Throws `session_lost` when another one took it since. */
  retake(): Promise<void> {
    return this.#changes.retake();
  }

  close(): void {
    this.#changes.forget();
    this.#segmenter?.close();
    this.#segmenter = null;
  }

  async #segmented(ask: (segmenter: LiveSegmenter) => Promise<SegmentedPiece>): Promise<SegmentedPiece> {
    try {
      return await ask(await this.#opened());
    } catch (error) {
      if (error instanceof AsrError) throw error;
      // The thread died. Bare samples can be heard again from what is stored; a container cannot be entered in its middle.
      this.close();
      if (this.#settings.encoding === 'opus' && this.#positionSamples > 0) throw backendUnavailable(error);
      await this.#readAgain();
      return ask(await this.#opened());
    }
  }

  async #opened(): Promise<LiveSegmenter> {
    if (this.#segmenter !== null) return this.#segmenter;
    const { snapshot, snapshotAtSamples, decoder } = this.#record;
    const state: LiveSegmenterState | null =
      this.#positionSamples === 0
        ? null
        : {
            positionSamples: snapshotAtSamples,
            snapshot: snapshot === null ? null : (JSON.parse(snapshot) as LiveSegmenterSnapshot),
            decoder: decoder === null ? null : (JSON.parse(decoder) as LiveSegmenterState['decoder']),
          };
    const segmenter = await this.#parts.segmenters.open(this.#settings, state);
    this.#segmenter = segmenter;
    const events: UtteranceEvent[] = [];
    let lostSamples = 0;
    for (let at = snapshotAtSamples; at < this.#positionSamples; at += REPLAY_SAMPLES) {
      const toSamples = Math.min(at + REPLAY_SAMPLES, this.#positionSamples);
      const { pcm, missingSamples } = await patiently(() => this.#parts.store.pcm(this.#record.id, at, toSamples));
      lostSamples += missingSamples;
      events.push(...(await segmenter.replay(pcm)).events);
    }
    this.#replayed = events;
    if (lostSamples > 0)
      await patiently(() =>
        this.#parts.store.tell(this.owner, 'warning', {
          code: 'audio_lost',
          message: `The store has lost ${String(Math.round(samplesToMs(lostSamples)))} ms of the session's audio; silence is in their place.`,
        }),
      );
    return segmenter;
  }

  /** Reads the record again, as its owner still. */
  async #readAgain(): Promise<void> {
    const record = await patiently(() => this.#parts.store.read(this.#record.id));
    if (record === null) throw sessionVanished();
    if (record.holder !== this.owner.holder) throw new AsrError('session_lost');
    if (record.positionSamples !== this.#positionSamples) throw backendUnavailable();
    this.#record = record;
  }

  async #store(heard: SegmentedPiece, { cleared = false, finish }: Extra): Promise<void> {
    const { settings } = this.#record;
    const events = [...this.#replayed, ...heard.events].map((event) => changeEvent(event, this.#trace));
    this.#replayed = [];
    if (heard.snapshot !== null) this.#snapshotAtSamples = heard.positionSamples;
    const now = performance.now();
    const renew = now - this.#renewedMs > RENEW_EVERY_MS;
    if (renew) this.#renewedMs = now;
    const answer = await this.#changes.store({
      fromSamples: this.#positionSamples,
      toSamples: heard.positionSamples,
      pcm: heard.pcm,
      sourceSamples: this.#sourceSamples + heard.sourceSamples,
      decoder: heard.decoder === null ? null : JSON.stringify(heard.decoder),
      snapshot: heard.snapshot === null ? null : JSON.stringify(heard.snapshot),
      snapshotAtSamples: this.#snapshotAtSamples,
      // What is heard again after a loss begins at the snapshot.
      keepFromSamples: Math.min(heard.keepFromSamples, this.#snapshotAtSamples),
      open: heard.open,
      events,
      cleared,
      renew,
      partialAfterSamples: settings.interimResults ? msToSamples(PARTIAL_EVERY_MS) : 0,
      finish: finish ?? null,
    });
    if (answer.outcome === 'gone') {
      this.#closed = true;
      return;
    }
    if (answer.outcome === 'absent') throw sessionVanished();
    if (answer.outcome !== 'ok') throw answer.outcome === 'lost' ? new AsrError('session_lost') : backendUnavailable();
    this.#positionSamples = heard.positionSamples;
    this.#sourceSamples += heard.sourceSamples;
    this.#isOpen = heard.open !== null;
    this.#pendingSamples = answer.pendingSamples;
    this.#closed = answer.closed;
    this.#changes.queue(answer, heard.open?.utterance ?? null);
  }
}

function changeEvent(event: UtteranceEvent, trace: string | null): LiveChangeEvent {
  if (event.type === 'started')
    return { type: 'started', utterance: event.utterance, atMs: Math.round(samplesToMs(event.speechStartSamples)) };
  return {
    type: 'ended',
    planned: {
      utterance: event.utterance,
      by: event.by,
      startSamples: event.startSamples,
      samples: event.endSamples - event.startSamples,
      startMs: Math.round(samplesToMs(event.speechStartSamples)),
      endMs: Math.round(samplesToMs(event.speechEndSamples)),
      ...(trace === null ? {} : { trace }),
    },
  };
}

/** Without detection only the client and the model's longest chunk end utterances. */
function segmenterSettingsOf({ settings, model }: LiveRecord): LiveSegmenterSettings {
  const { encoding, sampleRateHz, channels, detect, threshold, paddingMs, endpointingMs, maxUtteranceMs } = settings;
  const longestMs = model.chunkPolicy.maxChunkMs;
  return {
    encoding,
    sampleRateHz,
    channels,
    detect,
    threshold,
    paddingMs,
    endpointingMs,
    maxUtteranceMs: detect ? Math.min(maxUtteranceMs, longestMs) : longestMs,
  };
}
