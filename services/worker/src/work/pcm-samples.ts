/** The samples of 16-bit PCM as it comes from Redis; copied only where the bytes lie at an odd place. */
export function samplesOf(pcm: Buffer): Int16Array {
  if (pcm.byteOffset % 2 === 0) return new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength >> 1);
  const copy = new Uint8Array(pcm);
  return new Int16Array(copy.buffer, 0, copy.byteLength >> 1);
}
