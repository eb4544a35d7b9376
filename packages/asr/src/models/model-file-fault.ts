/** A model that cannot be used as it lies there. No retry helps. Its message names the file (relative to the model's folder), what was expected and what was found. */
export class ModelFileFault extends Error {
  override readonly name = 'ModelFileFault';
}
