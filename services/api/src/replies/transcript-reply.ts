import type { FastifyReply } from 'fastify';
import type { ResponseFormat, Transcript } from '@murmuration/contracts';
import { renderSrt, renderText, renderVtt, verboseJson, type CueLayout, type CueSize } from '@murmuration/transcript';

const TEXT = 'text/plain; charset=utf-8';

/** How many texts the filters took away, for formats that have no place to say which; the header is left out where they took none. */
export function tellFiltered(reply: FastifyReply, { filtered }: Transcript): void {
  const count = filtered.filter(({ text }) => text !== '').length;
  if (count > 0) void reply.header('x-filtered-texts', String(count));
}

/** Sends a transcript in one of the formats that all doors share; what `json` means is the door's. */
export function replyWithTranscript(reply: FastifyReply, transcript: Transcript, format: ResponseFormat, granularities: { readonly segments: boolean; readonly words: boolean }, layout: CueLayout, json: () => unknown): FastifyReply {
  tellFiltered(reply, transcript);
  const cues: CueSize = granularities.words && !granularities.segments ? 'word' : layout;
  switch (format) {
    case 'json': return reply.send(json());
    case 'verbose_json': return reply.send(verboseJson(transcript, granularities));
    case 'text': return reply.type(TEXT).send(renderText(transcript));
    case 'srt': return reply.type('application/x-subrip; charset=utf-8').send(renderSrt(transcript, cues));
    case 'vtt': return reply.type('text/vtt; charset=utf-8').send(renderVtt(transcript, cues));
  }
}
