import tapUrl from './tap.worklet.js?url';

export type MicrophoneFault = 'denied' | 'missing' | 'insecure';

/** A microphone that cannot be had, and why. */
export class MicrophoneError extends Error {
  readonly fault: MicrophoneFault;

  constructor(fault: MicrophoneFault, cause?: unknown) {
    super(`The microphone cannot be used: ${fault}.`, { cause });
    this.fault = fault;
  }
}

export interface Microphone {
  readonly sampleRateHz: number;
  close(): void;
}

/** Opens the microphone; `take` is given mono pieces in [-1, 1], which are its own. Throws `MicrophoneError`. */
export async function openMicrophone(take: (piece: Float32Array<ArrayBuffer>) => void): Promise<Microphone> {
  // Browsers leave it out where the page came over an open connection.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new MicrophoneError('insecure');
  const stream = await devices
    .getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
    .catch((error: unknown) => {
      const isMissing = error instanceof DOMException && error.name === 'NotFoundError';
      throw new MicrophoneError(isMissing ? 'missing' : 'denied', error);
    });
  const context = new AudioContext();
  const close = (): void => {
    for (const track of stream.getTracks()) track.stop();
    // It may be asked twice: when no more is said, and when the session is over.
    if (context.state !== 'closed') void context.close();
  };
  try {
    await context.audioWorklet.addModule(tapUrl);
    const tap = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
    tap.port.addEventListener('message', (event: MessageEvent<Float32Array<ArrayBuffer>>) => {
      take(event.data);
    });
    tap.port.start();
    context.createMediaStreamSource(stream).connect(tap);
    await context.resume();
  } catch (error) {
    close();
    throw error;
  }
  return { sampleRateHz: context.sampleRate, close };
}
