/** Why the GPU's libraries cannot be installed; the message says what to do. */
export class GpuFault extends Error {
  override readonly name = 'GpuFault';
}
