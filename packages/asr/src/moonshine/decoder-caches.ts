import type { TensorSpec } from '@murmuration/onnx';

/** One of the decoder's caches, by its names in the graph and its fixed dimensions. */
export interface CacheName { readonly past: string; readonly present: string; readonly heads: number; readonly width: number }

/** Names found in the graph: the caches of what was heard and of what was said. */
export interface DecoderNames { readonly inputIds: string; readonly encoder: readonly CacheName[]; readonly decoder: readonly CacheName[] }

/** What the first step of one chunk gave. */
export interface FirstStep {
  readonly token: number;
  readonly logprob: number;
  /** Encoder frames heard. */
  readonly positions: number;
  /** How much the step looks at each frame. */
  readonly alignment: Float32Array;
  /** Values of one cache, by the name of its output. */
  values(present: string): Float32Array;
}

/** Finds the caches among the inputs of the graph of all later steps. Throws `RangeError` when there are none or their dimensions are not stated. */
export function findDecoderNames(inputs: readonly TensorSpec[]): DecoderNames {
  const caches = (part: string): CacheName[] => {
    const found = inputs.filter((input) => input.name.startsWith('past_key_values.') && input.name.includes(`.${part}.`));
    return found.map(({ name }) => {
      // Heads and width as the file states them: the decoder's own caches keep its shapes.
      const [, heads, , width] = inputs.find((input) => input.name === name.replace('.encoder.', '.decoder.'))?.shape ?? [];
      if (typeof heads !== 'number' || typeof width !== 'number') throw new RangeError(`${name} states no number of heads or width`);
      return { past: name, present: name.replace('past_key_values.', 'present.'), heads, width };
    });
  };
  const names = { inputIds: 'input_ids', encoder: caches('encoder'), decoder: caches('decoder') };
  if (names.encoder.length === 0 || names.encoder.length !== names.decoder.length) throw new RangeError('the decoder has no key and value caches');
  return names;
}
