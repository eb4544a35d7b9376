/** How often weights are decided. Seconds. */
const BLOCK_SECONDS = 0.01;
/** Past audio counts for about this long. Seconds. */
const MEMORY_SECONDS = 0.25;
/** A channel's polarity has changed once so many blocks in a row are surely of the other one: what came before is forgotten then. */
const FLIP_BLOCKS = 3;
const SURELY_ALIKE = 0.9;
/** A channel this much below the reference has no polarity that matters. */
const FAINT_SHARE = 0.05;
/** Below this the channels' sound does not count: hum and offsets are alike in all of them. */
const HIGH_PASS_HZ = 150;
/** The mean is replaced when its power falls below the first share of the loudest channel's, and used again above the second. */
const REPLACE_BELOW = 0.1;
const RESTORE_ABOVE = 0.25;
/** A channel's polarity is changed when its correlation with the reference reaches this. */
const ALIKE = 0.3;
/** A block whose power is below this share of the recent loudest is not judged. */
const QUIET_SHARE = 0.01;
const PEAK_DECAY = 0.999;

/**
 * Mixes the channels of a recording into one, without losing what the channels hold.
 *
 * mean (the average, to the sample) ⇄ weighted: where the mean is 10 dB below the loudest channel, because channels cancel each other or most of
 * them are empty, each channel is added with the polarity of the loudest one, at a level that leaves the loudest as it is. The change takes place over
 * one block of 10 ms, after the block that showed it; silence changes nothing. Where a channel changes its polarity in mid-recording, what came
 * before is forgotten after 30 ms. All follows from the samples alone, whatever pieces they come in.
 */
export class ChannelMixer {
  readonly rateHz: number;
  readonly #channels: number;
  readonly #blockSamples: number;
  readonly #keep: number;
  readonly #lowPass: number;
  readonly #low: Float64Array;
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  readonly #signs: Float64Array;
  /** Sums over the block, then over the memory: power and likeness to the reference of each channel, power of the mean. */
  readonly #blockPower: Float64Array;
  readonly #blockAlike: Float64Array;
  readonly #power: Float64Array;
  readonly #alike: Float64Array;
  #blockMean = 0;
  #mean = 0;
  #flippedBlocks = 0;
  #reference = 0;
  #peak = 0;
  #at = 0;
  #weighted = false;
  #replaces = false;
  #replacedSamples = 0;

  constructor(channels: number, rateHz: number) {
    const zeros = (): Float64Array => new Float64Array(channels);
    this.rateHz = rateHz;
    this.#channels = channels;
    this.#blockSamples = Math.max(1, Math.round(rateHz * BLOCK_SECONDS));
    this.#keep = Math.exp(-BLOCK_SECONDS / MEMORY_SECONDS);
    this.#lowPass = 1 - Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / rateHz);
    this.#low = zeros();
    this.#from = zeros().fill(1 / channels);
    this.#to = zeros().fill(1 / channels);
    this.#signs = zeros().fill(1);
    this.#blockPower = zeros();
    this.#blockAlike = zeros();
    this.#power = zeros();
    this.#alike = zeros();
  }

  /** Samples in which the mean was replaced by something that differs from it. */
  get replacedSamples(): number {
    return this.#replacedSamples;
  }

  /** @param planar one array a channel, all of one length */
  mix(planar: readonly Float32Array[]): Float32Array {
    const [first = new Float32Array(0)] = planar;
    if (planar.length === 1) return first;
    const mixed = new Float32Array(first.length);
    for (let start = 0; start < first.length;) {
      const end = Math.min(first.length, start + this.#blockSamples - this.#at);
      this.#write(planar, mixed, start, end);
      this.#measure(planar, start, end);
      if (this.#replaces) this.#replacedSamples += end - start;
      this.#at += end - start;
      start = end;
      if (this.#at === this.#blockSamples) this.#decide();
    }
    return mixed;
  }

  #write(planar: readonly Float32Array[], mixed: Float32Array, start: number, end: number): void {
    const plain = !this.#weighted && this.#from.every((weight, channel) => weight === this.#to[channel]);
    if (plain) {
      for (const channel of planar)
        for (let i = start; i < end; i++) mixed[i] = (mixed[i] as number) + (channel[i] as number);
      const share = 1 / planar.length;
      for (let i = start; i < end; i++) mixed[i] = (mixed[i] as number) * share;
      return;
    }
    for (const [index, channel] of planar.entries()) {
      const from = this.#from[index] as number;
      const step = ((this.#to[index] as number) - from) / this.#blockSamples;
      for (let i = start; i < end; i++)
        mixed[i] = (mixed[i] as number) + (channel[i] as number) * (from + step * (this.#at + i - start + 1));
    }
    for (let i = start; i < end; i++) mixed[i] = Math.max(-1, Math.min(1, mixed[i] as number));
  }

  #measure(planar: readonly Float32Array[], start: number, end: number): void {
    const high = new Float64Array(this.#channels);
    for (let i = start; i < end; i++) {
      let sum = 0;
      for (let channel = 0; channel < this.#channels; channel++) {
        const sample = planar[channel]?.[i] ?? 0;
        const low = (this.#low[channel] as number) + this.#lowPass * (sample - (this.#low[channel] as number));
        this.#low[channel] = low;
        high[channel] = sample - low;
        sum += sample - low;
      }
      const reference = high[this.#reference] as number;
      for (let channel = 0; channel < this.#channels; channel++) {
        const sample = high[channel] as number;
        this.#blockPower[channel] = (this.#blockPower[channel] as number) + sample * sample;
        this.#blockAlike[channel] = (this.#blockAlike[channel] as number) + sample * reference;
      }
      this.#blockMean += (sum / this.#channels) ** 2;
    }
  }

  #decide(): void {
    this.#at = 0;
    this.#from.set(this.#to);
    const loudest = Math.max(...this.#blockPower);
    this.#peak = Math.max(this.#peak * PEAK_DECAY, loudest);
    if (loudest > this.#peak * QUIET_SHARE) {
      for (let channel = 0; channel < this.#channels; channel++) {
        this.#power[channel] = (this.#power[channel] as number) * this.#keep + (this.#blockPower[channel] as number);
        this.#alike[channel] = (this.#alike[channel] as number) * this.#keep + (this.#blockAlike[channel] as number);
      }
      this.#mean = this.#mean * this.#keep + this.#blockMean;
      this.#flippedBlocks = this.#isFlipped() ? this.#flippedBlocks + 1 : 0;
      if (this.#flippedBlocks >= FLIP_BLOCKS) this.#forget();
      this.#weigh();
    }
    this.#blockPower.fill(0);
    this.#blockAlike.fill(0);
    this.#blockMean = 0;
  }

  /** Whether the block surely has another polarity in some channel than is taken for it. */
  #isFlipped(): boolean {
    const reference = this.#blockPower[this.#reference] as number;
    return this.#signs.some((sign, channel) => {
      const power = this.#blockPower[channel] as number;
      if (power <= reference * FAINT_SHARE) return false;
      const alike = (this.#blockAlike[channel] as number) / Math.sqrt(reference * power);
      return alike * sign * (this.#signs[this.#reference] as number) < -SURELY_ALIKE;
    });
  }

  #forget(): void {
    this.#power.set(this.#blockPower);
    this.#alike.set(this.#blockAlike);
    this.#mean = this.#blockMean;
  }

  #weigh(): void {
    const most = Math.max(...this.#power);
    if (this.#mean < most * REPLACE_BELOW) this.#weighted = true;
    else if (this.#mean > most * RESTORE_ABOVE) this.#weighted = false;
    const reference = this.#power[this.#reference] as number;
    for (let channel = 0; channel < this.#channels; channel++) {
      const both = Math.sqrt(reference * (this.#power[channel] as number));
      const alike = both === 0 ? 0 : (this.#alike[channel] as number) / both;
      if (Math.abs(alike) > ALIKE) this.#signs[channel] = Math.sign(alike) * (this.#signs[this.#reference] as number);
    }
    const share = this.#power.reduce((sum, power) => sum + Math.sqrt(power / most), 0);
    for (let channel = 0; channel < this.#channels; channel++)
      this.#to[channel] = this.#weighted ? (this.#signs[channel] as number) / share : 1 / this.#channels;
    this.#replaces =
      this.#weighted && (this.#channels / share > 2 || this.#signs.some((sign) => sign !== this.#signs[0]));
    // Another reference starts its own count of likeness.
    if (most > 4 * reference) {
      this.#reference = this.#power.indexOf(most);
      this.#alike.fill(0);
    }
  }
}
