import {
  type LiveEvent,
  type LiveSession,
  type Murmuration,
  MurmurationError,
  type WatchedEvent,
} from '@murmuration/client';
import { type Microphone, MicrophoneError, type MicrophoneFault, openMicrophone } from './microphone.ts';

export type LiveState =
  'idle' | 'asking' | 'connecting' | 'listening' | 'paused' | 'reconnecting' | 'finishing' | 'closed' | 'failed';

export interface LiveView {
  readonly state: LiveState;
  readonly sessionId: string | null;
  readonly utterances: readonly Utterance[];
  readonly microphone: MicrophoneFault | null;
  readonly error: unknown;
}

const NOTHING: LiveView = { state: 'idle', sessionId: null, utterances: [], microphone: null, error: null };

/**
 * One microphone and one session after the other; it outlives the view.
 * idle, closed, failed --`start`--> asking --allowed--> connecting --ready--> listening <--`pause`, `resume`--> paused
 * listening, paused --connection lost--> reconnecting --resumed--> listening
 * any of these --`stop`--> finishing --the last words came--> closed
 */
class LiveRun {
  #view = NOTHING;
  #session: LiveSession | null = null;
  #microphone: Microphone | null = null;
  #isPaused = false;
  #level = 0;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
  readonly view = (): LiveView => this.#view;

  /** Peak of the last piece, 0 to 1. */
  get level(): number {
    return this.#isPaused ? 0 : this.#level;
  }

  async start(client: Murmuration, language: string | undefined): Promise<void> {
    if (this.#microphone !== null || this.#view.state === 'asking') return;
    this.#show({ ...NOTHING, state: 'asking' });
    this.#isPaused = false;
    try {
      this.#microphone = await openMicrophone((piece) => {
        this.#give(piece);
      });
    } catch (error) {
      const fault = error instanceof MicrophoneError ? error.fault : null;
      this.#show({ state: 'failed', microphone: fault, error: fault === null ? error : null });
      return;
    }
    this.#show({ state: 'connecting' });
    const session = client.live({
      encoding: 'pcm_f32le',
      sample_rate: this.#microphone.sampleRateHz,
      // The key stays out of the address and of the socket: each connection has a ticket of its own.
      ticket: async () => (await client.ticket()).ticket,
      ...(language === undefined ? {} : { language }),
    });
    this.#session = session;
    try {
      for await (const event of session) this.#take(event);
      this.#show({ state: 'closed' });
    } catch (error) {
      this.#show({ state: 'failed', error });
    } finally {
      this.#release();
    }
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#view.state === 'listening') this.#show({ state: 'paused' });
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#view.state === 'paused') this.#show({ state: 'listening' });
  }

  /** No more is said; the last words come. */
  stop(): void {
    this.#microphone?.close();
    this.#show({ state: 'finishing' });
    this.#session?.finish();
  }

  #give(piece: Float32Array<ArrayBuffer>): void {
    this.#level = piece.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
    // While paused silence goes, so that the session does not take the page for gone.
    if (this.#isPaused) piece.fill(0);
    // Refused where the connection is away for longer than the buffer holds; the loop over the events tells the end.
    this.#session?.send(piece).catch((error: unknown) => {
      if (error instanceof MurmurationError && error.code === 'buffer_full') this.pause();
    });
  }

  #take(event: LiveEvent): void {
    switch (event.type) {
      case 'ready':
        this.#show({ state: this.#isPaused ? 'paused' : 'listening', sessionId: event.session });
        return;
      case 'resumed':
        this.#show({ state: this.#isPaused ? 'paused' : 'listening' });
        return;
      case 'reconnecting':
        if (this.#view.state !== 'finishing') this.#show({ state: 'reconnecting' });
        return;
      case 'error':
        this.#show({ error: new MurmurationError(event.code, event.message) });
        return;
      default:
        this.#show({ utterances: withEvent(this.#view.utterances, event) });
    }
  }

  #release(): void {
    this.#microphone?.close();
    this.#microphone = null;
    this.#session = null;
    this.#level = 0;
  }

  #show(change: Partial<LiveView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

export const liveRun = new LiveRun();

/** An utterance as it is shown: its beginning of `stable` characters changes no more. */
export interface Utterance {
  readonly number: number;
  readonly startMs: number;
  readonly text: string;
  readonly stable: number;
  readonly isFinal: boolean;
}

/** Utterances after an event; those without text are left out. A partial never takes away what was said to be stable. */
export function withEvent(utterances: readonly Utterance[], event: LiveEvent | WatchedEvent): readonly Utterance[] {
  if (event.type !== 'partial' && event.type !== 'final') return utterances;
  const others = utterances.filter(({ number }) => number !== event.utterance);
  if (event.text === '') return others.length === utterances.length ? utterances : others;
  const isFinal = event.type === 'final';
  const now: Utterance = {
    number: event.utterance,
    startMs: event.start_ms,
    text: event.text,
    stable: isFinal ? event.text.length : event.stable_chars,
    isFinal,
  };
  const at = others.findIndex(({ number }) => number > event.utterance);
  return at < 0 ? [...others, now] : [...others.slice(0, at), now, ...others.slice(at)];
}
