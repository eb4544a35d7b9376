import { AsrError } from '@murmuration/contracts/errors';
import { ExitGate } from '@murmuration/onnx';
import { shrinkWhenQuiet } from '@murmuration/runtime/quiet-memory';
import { Transferred, serveThread, threadData } from '@murmuration/runtime/thread';
import type { DetectionThreadData } from '../detect/detection-threads.js';
import { SileroModel } from '../detect/silero-model.js';
import { ThreadRecording, type RecordingPiece, type SpeechReaderMethods } from './thread-recording.js';

// The thread in which recordings are decoded, searched for speech and cut: many at a time, slice by slice in turn.

const { vadModelPath, gate: memory } = threadData() as DetectionThreadData;
const gate = new ExitGate(memory);
const model = await gate.pass(() => SileroModel.open(vadModelPath));
const recordings = new Map<number, ThreadRecording>();

const methods: SpeechReaderMethods = {
  push: async (piece: RecordingPiece) => {
    if (piece.open !== null) recordings.set(piece.recording, new ThreadRecording(piece.open, model));
    const recording = recordings.get(piece.recording);
    if (recording === undefined) throw new AsrError('cancelled');
    try {
      const answer = await gate.pass(() => recording.push(piece));
      if (piece.last) recordings.delete(piece.recording);
      return new Transferred(
        answer,
        answer.chunks.map((chunk) => chunk.pcm.buffer),
      );
    } catch (error) {
      recordings.delete(piece.recording);
      throw error;
    }
  },
  drop: (recording: number) => {
    recordings.get(recording)?.drop();
    recordings.delete(recording);
  },
};

shrinkWhenQuiet();
serveThread(methods);
