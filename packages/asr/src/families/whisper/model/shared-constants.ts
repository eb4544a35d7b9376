import { initializerTensor, RowPicker, type OnnxTensor, type SessionOptions } from '@murmuration/onnx';

/** Constants that several graphs have, once where they compute: sessions take them from here in place of copies of their own. */
export class SharedConstants {
  /** By name, for `SessionOptions.constants`. */
  readonly tensors: ReadonlyMap<string, OnnxTensor>;

  private constructor(tensors: ReadonlyMap<string, OnnxTensor>) {
    this.tensors = tensors;
  }

  /**
   * Brings constants of a model file to the device. Throws the runtime's error, for example when memory is short.
   * @param options of the sessions that will take them
   */
  static async bring(constants: ReadonlyMap<string, Uint8Array>, options: SessionOptions): Promise<SharedConstants> {
    const picker = new RowPicker(options);
    const tensors = new Map<string, OnnxTensor>();
    const shared = new SharedConstants(tensors);
    // The largest first: the memory through which it goes there is that of all others after it.
    const largestFirst = [...constants].sort(([, one], [, other]) => other.length - one.length);
    try {
      for (const [name, constant] of largestFirst) {
        const tensor = initializerTensor(constant);
        const rows = tensor?.dims[0];
        if (tensor === null || rows === undefined) continue;
        const all = Array.from({ length: rows }, (_, row) => row);
        tensors.set(name, await picker.pick(tensor, all));
      }
    } catch (error) {
      shared.dispose();
      throw error;
    } finally {
      await picker.close();
    }
    return shared;
  }

  /** Gives their memory up, once no session has them any more. */
  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
  }
}
