/** There is no audio to be had: the message says why and what to do. */
export class UnusableInput extends Error {
  override readonly name = 'UnusableInput';
}
