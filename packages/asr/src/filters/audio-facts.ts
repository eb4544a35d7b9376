import { msToSamples, samplesToMs } from '@murmuration/contracts/audio-format';

/** Milliseconds of one measured frame. */
const FRAME_MS = 20;
const FRAME_SAMPLES = msToSamples(FRAME_MS);

/** Below this root mean square (full scale 1) nothing is audible: 16-bit rounding noise is 1e-5. */
const AUDIBLE_RMS = 3e-4;
/** A frame is loud when it reaches this share of the level around it (16 dB below), … */
const LOUD_SHARE = 0.15;
/** … which is taken over half a second to either side, so that a quiet speaker counts beside a loud one, … */
const AROUND_FRAMES = 25;
/** … but never when it is more than 26 dB below the chunk's loud level: that is background noise in a long pause. */
const LEAST_SHARE = 0.05;
/** Speakers pause this long between phrases. */
const PAUSE_FRAMES = 8;

/** What the audio of a chunk says by itself, beside what the model says about it. */
export interface AudioFacts {
  readonly durationMs: number;
  /** Root mean square of each 20 ms. */
  readonly frameRms: Float32Array;
  /** The level from which each of them is loud. */
  readonly loudFrom: Float32Array;
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
  const floor = Math.max(AUDIBLE_RMS, LEAST_SHARE * (sorted[Math.floor(sorted.length * 0.95)] ?? 0));
  return {
    durationMs: Math.round(samplesToMs(pcm.length)),
    frameRms,
    loudFrom: frameRms.map((_, frame) => Math.max(floor, LOUD_SHARE * levelAround(frameRms, frame))),
  };
}

/** The third loudest of the frames around one: a twentieth of a second exceeds it, a click does not. */
function levelAround(levels: Float32Array, frame: number): number {
  let [first, second, third] = [0, 0, 0];
  for (let at = Math.max(0, frame - AROUND_FRAMES); at <= Math.min(levels.length - 1, frame + AROUND_FRAMES); at++) {
    const level = levels[at] ?? 0;
    if (level > first) [first, second, third] = [level, first, second];
    else if (level > second) [second, third] = [level, second];
    else if (level > third) third = level;
  }
  return third;
}

/** Milliseconds between two times whose level is that of the loud parts around them, speech or not. */
export function loudMs({ frameRms, loudFrom }: AudioFacts, startMs: number, endMs: number): number {
  const [first, last] = framesBetween(startMs, endMs);
  let frames = 0;
  for (let frame = first; frame < Math.min(last, frameRms.length); frame++)
    if ((frameRms[frame] ?? 0) >= (loudFrom[frame] ?? 0)) frames++;
  return FRAME_MS * frames;
}

/** The end of the last loud frame between two times, milliseconds; `startMs` when none is. */
export function loudEndMs({ frameRms, loudFrom }: AudioFacts, startMs: number, endMs: number): number {
  const [first, last] = framesBetween(startMs, endMs);
  let frame = Math.min(last, frameRms.length);
  while (frame > first && (frameRms[frame - 1] ?? 0) < (loudFrom[frame - 1] ?? 0)) frame--;
  return frame === first ? startMs : frame * FRAME_MS;
}

/** A stretch where nothing is loud, milliseconds. */
export interface Pause {
  readonly startMs: number;
  readonly endMs: number;
}

/** Pauses of at least `leastMs`, in order; those at the beginning and the end included. */
export function pausesOf({ frameRms, loudFrom }: AudioFacts, leastMs: number): Pause[] {
  const pauses: Pause[] = [];
  let start = 0;
  for (let frame = 0; frame <= frameRms.length; frame++) {
    if (frame < frameRms.length && (frameRms[frame] ?? 0) < (loudFrom[frame] ?? 0)) continue;
    if ((frame - start) * FRAME_MS >= leastMs) pauses.push({ startMs: start * FRAME_MS, endMs: frame * FRAME_MS });
    start = frame + 1;
  }
  return pauses;
}

/**
 * The time, in milliseconds, at which a share (0 to 1) of the loud audio has passed. Text that ends there ends at `untilMs`, text that begins there begins at
 * `fromMs`; silence may lie between the two. When nothing is loud it is that share of the whole time.
 */
export function timesBySound({
  frameRms,
  loudFrom,
  durationMs,
}: AudioFacts): (share: number) => { readonly fromMs: number; readonly untilMs: number } {
  const loudFrames: number[] = [];
  frameRms.forEach((rms, frame) => {
    if (rms >= (loudFrom[frame] ?? 0)) loudFrames.push(frame);
  });
  return (share) => {
    if (loudFrames.length === 0)
      return { fromMs: Math.round(share * durationMs), untilMs: Math.round(share * durationMs) };
    const sounded = share * loudFrames.length;
    const until = loudFrames[Math.max(0, Math.ceil(sounded) - 1)] ?? 0;
    const from = loudFrames[Math.min(loudFrames.length - 1, Math.floor(sounded))] ?? 0;
    const part = sounded - Math.floor(sounded);
    const untilMs = Math.min(durationMs, Math.round((until + (part === 0 ? 1 : part)) * FRAME_MS));
    return {
      untilMs: share === 0 ? from * FRAME_MS : untilMs,
      fromMs: share === 1 ? untilMs : Math.min(durationMs, Math.round((from + part) * FRAME_MS)),
    };
  };
}

/** The best place to split the audio between two times: the middle of the first pause, else the quietest frame. Milliseconds. */
export function partingMs({ frameRms, loudFrom }: AudioFacts, startMs: number, endMs: number): number {
  const [first, last] = framesBetween(startMs, endMs);
  let quiet = 0;
  let quietest = first;
  for (let frame = first; frame < Math.min(last, frameRms.length); frame++) {
    quiet = (frameRms[frame] ?? 0) < (loudFrom[frame] ?? 0) ? quiet + 1 : 0;
    if (quiet === PAUSE_FRAMES) return (frame - PAUSE_FRAMES / 2) * FRAME_MS;
    if ((frameRms[frame] ?? 0) < (frameRms[quietest] ?? 0)) quietest = frame;
  }
  return quietest * FRAME_MS;
}

/** True when nothing between two times is audible. */
export function isSilent(facts: AudioFacts, startMs: number, endMs: number): boolean {
  const [first, last] = framesBetween(startMs, endMs);
  return facts.frameRms.subarray(first, last).every((rms) => rms < AUDIBLE_RMS);
}

function framesBetween(startMs: number, endMs: number): readonly [first: number, last: number] {
  return [Math.max(0, Math.floor(startMs / FRAME_MS)), Math.max(0, Math.ceil(endMs / FRAME_MS))];
}
