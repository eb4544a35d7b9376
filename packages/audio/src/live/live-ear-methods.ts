import type { Transferred } from '@murmuration/runtime';
import type { EarState, Heard } from './heard.js';
import type { LiveEarSettings } from './live-ear-settings.js';

/** The module of the threads. */
export const LIVE_EAR_THREAD = new URL('./live-ear-thread.js', import.meta.url);

/** Methods of a thread of ears. `ear` is chosen by the caller, unique in the thread; one call of an ear at a time. */
export type LiveEarMethods = {
  readonly open: (start: { readonly ear: number; readonly settings: LiveEarSettings; readonly state: EarState | null }) => void;
  /** Throws `unprocessable_audio`. */
  readonly hear: (piece: { readonly ear: number; readonly bytes: Uint8Array }) => Promise<Transferred<Heard>>;
  readonly replay: (piece: { readonly ear: number; readonly pcm: Uint8Array }) => Promise<Heard>;
  readonly commit: (ear: number) => Heard;
  readonly pause: (ear: number) => Heard;
  readonly clear: (ear: number) => Heard;
  readonly finish: (ear: number) => Promise<Heard>;
  readonly drop: (ear: number) => void;
};
