import type { FastifyReply } from 'fastify';
import type { ResponseFormat, Transcript } from '@murmuration/contracts';
import { renderSrt, renderText, renderVtt, verboseJson } from '@murmuration/transcript';

const TEXT = 'text/plain; charset=utf-8';

/** Sends a transcript in one of the formats that all doors share; what `json` means is the door's. */
export function replyWithTranscript(reply: FastifyReply, transcript: Transcript, format: ResponseFormat, granularities: { readonly segments: boolean; readonly words: boolean }, json: () => unknown): FastifyReply {
  const cues = granularities.words && !granularities.segments ? 'word' : 'phrase';
  switch (format) {
    case 'json': return reply.send(json());
    case 'verbose_json': return reply.send(verboseJson(transcript, granularities));
    case 'text': return reply.type(TEXT).send(renderText(transcript));
    case 'srt': return reply.type('application/x-subrip; charset=utf-8').send(renderSrt(transcript, cues));
    case 'vtt': return reply.type('text/vtt; charset=utf-8').send(renderVtt(transcript, cues));
  }
}
