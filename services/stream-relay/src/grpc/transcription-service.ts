import { AsrError } from '@murmuration/contracts';
import type { TranscribeRequest, TranscriptionMethods } from '@murmuration/contracts/grpc';
import type { Transcription } from '@murmuration/transcribe';
import type { RelayContext } from '../relay-context.js';
import type { CallContext } from './calls/active-call.js';
import type { Handlers } from './calls/implementation.js';
import { readOptions, readRecording } from './settings.js';
import { LiveCall } from './live-call.js';
import { segmentMessage, transcriptMessage, wholeMs } from './replies.js';

/** A recording is handed on in views of this many bytes, so that it is read only as fast as it is worked on. */
const PIECE_BYTES = 64 * 1024;

/** `murmuration.v1.Transcription`. */
export function transcriptionService(
  context: Pick<RelayContext, 'transcribe' | 'live' | 'draining' | 'config'>,
): Handlers<TranscriptionMethods> {
  return {
    Transcribe: async (request, call) => {
      const transcription = await begin(context, request, call);
      return { transcript: transcriptMessage(await transcription.result()) };
    },
    TranscribeStream: async (request, call, answer) => {
      const transcription = await begin(context, request, call);
      let index = 0;
      for await (const { segments, doneMs } of transcription.progress()) {
        for (const segment of segments)
          await answer.send({ event: 'segment', segment: { index: index++, segment: segmentMessage(segment) } });
        await answer.send({ event: 'progress', progress: { doneMs: wholeMs(doneMs) } });
      }
      await answer.send({ event: 'transcript', transcript: transcriptMessage(await transcription.result()) });
    },
    StreamingTranscribe: (requests, call, answer) => new LiveCall(context, requests, call, answer).run(),
  };
}

async function begin(
  context: Pick<RelayContext, 'transcribe'>,
  request: TranscribeRequest,
  call: CallContext,
): Promise<Transcription> {
  const options = readOptions(request.options);
  const { contentType, extension } = readRecording(request);
  if (request.audio.byteLength === 0) throw new AsrError('empty_file', undefined, { param: 'audio' });
  return context.transcribe.start({
    source: piecesOf(request.audio),
    contentType,
    extension,
    options,
    lane: 'interactive',
    owner: call.principal.owner,
    trace: call.span.traceparent,
    signal: call.signal,
  });
}

/** The recording in views of its bytes; nothing is copied. */
async function* piecesOf(audio: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < audio.byteLength; at += PIECE_BYTES)
    yield await Promise.resolve(audio.subarray(at, at + PIECE_BYTES));
}
