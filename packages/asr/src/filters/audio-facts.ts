/** Milliseconds of one measured frame. */
const FRAME_MS = 20;
const FRAME_SAMPLES = 320;

/** Below this root mean square (full scale 1) nothing is audible: 16-bit rounding noise is 1e-5. */
const AUDIBLE_RMS = 3e-4;
/** A frame is loud from this share of the chunk's loud level on: 16 dB below. */
const LOUD_SHARE = 0.15;

/** What the audio of a chunk says by itself, beside what the model says about it. */
export interface AudioFacts {
  readonly durationMs: number;
  /** Root mean square of each 20 ms. */
  readonly frameRms: Float32Array;
  /** Level that only a twentieth of the frames exceeds. */
  readonly loudRms: number;
}

/** Measures a chunk. @param pcm mono, 16 kHz, [-1, 1] */
export function measureAudio(pcm: Float32Array): AudioFacts {
  const frameRms = new Float32Array(Math.ceil(pcm.length / FRAME_SAMPLES));
  for (let frame = 0; frame < frameRms.length; frame++) {
    const to = Math.min(pcm.length, (frame + 1) * FRAME_SAMPLES);
    let sum = 0;
    for (let i = frame * FRAME_SAMPLES; i < to; i++) sum += (pcm[i] ?? 0) ** 2;
    frameRms[frame] = Math.sqrt(sum / (to - frame * FRAME_SAMPLES));
  }
  const sorted = Float32Array.from(frameRms).sort();
  return { durationMs: Math.round(pcm.length / 16), frameRms, loudRms: sorted[Math.floor(sorted.length * 0.95)] ?? 0 };
}

/** Milliseconds between two times whose level is that of the chunk's loud parts, speech or not. */
export function loudMs(facts: AudioFacts, startMs: number, endMs: number): number {
  const threshold = Math.max(AUDIBLE_RMS, LOUD_SHARE * facts.loudRms);
  return FRAME_MS * framesOf(facts, startMs, endMs).filter((rms) => rms >= threshold).length;
}

/** True when nothing between two times is audible. */
export function isSilent(facts: AudioFacts, startMs: number, endMs: number): boolean {
  return framesOf(facts, startMs, endMs).every((rms) => rms < AUDIBLE_RMS);
}

function framesOf(facts: AudioFacts, startMs: number, endMs: number): Float32Array {
  return facts.frameRms.subarray(Math.max(0, Math.floor(startMs / FRAME_MS)), Math.max(0, Math.ceil(endMs / FRAME_MS)));
}
