import { joined, samples, RATE_HZ } from './wav.js';
import { words } from './word-errors.js';

/** Two sentences with a pause after each, as a microphone would give them, and the words said. */
export async function twoSentences(): Promise<{ readonly pcm: Int16Array; readonly said: readonly string[] }> {
  const clips = (await samples()).filter(({ name }) => name !== 'much-in-his-power.wav');
  return {
    pcm: joined(
      clips.map((clip) => clip.pcm),
      1_200,
    ),
    said: words(clips.map((clip) => clip.said).join(' ')),
  };
}

/** Hands out mono PCM in frames, each when it would have been spoken. @param rateHz of the PCM */
export async function paced(
  pcm: Int16Array,
  send: (frame: Buffer) => void,
  { frameMs = 50, rateHz = RATE_HZ } = {},
): Promise<void> {
  const frameSamples = Math.round((rateHz * frameMs) / 1_000);
  const startedMs = performance.now();
  for (let at = 0; at < pcm.length; at += frameSamples) {
    const dueMs = startedMs + ((at + frameSamples) / rateHz) * 1_000;
    await new Promise((resolve) => {
      setTimeout(resolve, Math.max(0, dueMs - performance.now()));
    });
    send(frameOf(pcm.subarray(at, at + frameSamples)));
  }
}

/** Samples as bytes, little endian. */
export function frameOf(pcm: Int16Array): Buffer {
  return Buffer.from(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
}

/** Mono 16 kHz PCM at another rate: straight lines between the samples, which is good enough for speech. */
export function atRate(pcm: Int16Array, rateHz: number): Int16Array {
  const step = RATE_HZ / rateHz;
  return Int16Array.from({ length: Math.floor((pcm.length - 1) / step) }, (_, i) => {
    const at = i * step;
    const [before = 0, after = 0] = [pcm[Math.floor(at)], pcm[Math.floor(at) + 1]];
    return Math.round(before + (after - before) * (at - Math.floor(at)));
  });
}
