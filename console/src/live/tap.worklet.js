// Runs in the audio thread: hands out what the microphone gives, 128 samples at a time in pieces of about 50 ms.
registerProcessor(
  'tap',
  class extends AudioWorkletProcessor {
    #piece = new Float32Array(2048);
    #filled = 0;

    process([input]) {
      const samples = input[0];
      if (samples === undefined) return true;
      for (const sample of samples) {
        this.#piece[this.#filled++] = sample;
        if (this.#filled < this.#piece.length) continue;
        this.port.postMessage(this.#piece, [this.#piece.buffer]);
        this.#piece = new Float32Array(2048);
        this.#filled = 0;
      }
      return true;
    }
  },
);
