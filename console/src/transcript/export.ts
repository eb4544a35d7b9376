import type { Transcript } from '@murmuration/client';
import { renderSrt, renderTsv, renderVtt } from '@murmuration/transcript';
import { strToU8, zipSync } from 'fflate';
import { clock } from '../ui/format.ts';
import type { EditedSegment, EditedTranscript } from './edits.ts';

export type ExportFormat = 'txt' | 'srt' | 'vtt' | 'tsv' | 'json' | 'docx';

const TYPES: Readonly<Record<ExportFormat, string>> = {
  txt: 'text/plain',
  srt: 'application/x-subrip',
  vtt: 'text/vtt',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
};

/** The transcript as a person left it, as a file of this format. Subtitles are laid out as the server lays them out. */
export function exported(
  format: ExportFormat,
  original: Transcript,
  edited: EditedTranscript,
  speaker: (channel: number) => string | null,
): Blob {
  const segments = edited.segments.filter(({ text }) => text !== '');
  return new Blob([contentOf(format, original, segments, speaker)], { type: TYPES[format] });
}

function contentOf(
  format: ExportFormat,
  original: Transcript,
  segments: readonly EditedSegment[],
  speaker: (channel: number) => string | null,
): string | Uint8Array<ArrayBuffer> {
  switch (format) {
    case 'txt':
      return `${segments.map((segment) => spoken(segment, speaker)).join('\n')}\n`;
    case 'srt':
      return renderSrt({ segments: segments.map(inMilliseconds) });
    case 'vtt':
      return renderVtt({ segments: segments.map(inMilliseconds) });
    case 'tsv':
      return renderTsv({ segments: segments.map(inMilliseconds) });
    case 'json':
      return JSON.stringify(
        { ...original, text: segments.map(({ text }) => text).join(' '), segments: segments.map(segmentJson) },
        null,
        2,
      );
    case 'docx':
      return docx(segments, speaker);
  }
}

function spoken({ channel, text }: EditedSegment, speaker: (channel: number) => string | null): string {
  const name = speaker(channel);
  return name === null ? text : `${name}: ${text}`;
}

function inMilliseconds(segment: EditedSegment) {
  return {
    text: segment.text,
    startMs: segment.start * 1_000,
    endMs: segment.end * 1_000,
    channel: segment.channel,
    confidence: segment.confidence,
    avgLogprob: 0,
    noSpeechProb: 0,
    compressionRatio: 1,
    temperature: 0,
    tokens: [],
    words: segment.tokens.map(({ text, start, end, probability }) => ({
      word: text,
      startMs: start * 1_000,
      endMs: end * 1_000,
      probability: probability ?? 1,
    })),
  };
}

function segmentJson({ id, start, end, channel, confidence, text, tokens, isEdited }: EditedSegment) {
  return {
    id,
    start,
    end,
    text,
    confidence,
    channel,
    words: tokens.map((token) => ({
      word: token.text,
      start: token.start,
      end: token.end,
      probability: token.probability,
    })),
    ...(isEdited ? { edited: true } : {}),
  };
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const WORD = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const DOCUMENT = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument';
const MAIN_TYPE = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml';

/** The smallest package that word processors open (ECMA-376): a paragraph a segment, its time in grey before it. */
function docx(
  segments: readonly EditedSegment[],
  speaker: (channel: number) => string | null,
): Uint8Array<ArrayBuffer> {
  const run = (text: string, style = ''): string =>
    `<w:r>${style}<w:t xml:space="preserve">${escapeXml(text)}</w:t></w:r>`;
  const grey = '<w:rPr><w:color w:val="808080"/></w:rPr>';
  const body = segments
    .map((segment) => `<w:p>${run(`${clock(segment.start)}  `, grey)}${run(spoken(segment, speaker))}</w:p>`)
    .join('');
  return zipSync({
    '[Content_Types].xml': strToU8(
      `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="${MAIN_TYPE}"/></Types>`,
    ),
    '_rels/.rels': strToU8(
      `${XML}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="r1" Type="${DOCUMENT}" Target="word/document.xml"/></Relationships>`,
    ),
    'word/document.xml': strToU8(
      `${XML}<w:document xmlns:w="${WORD}"><w:body>${body}<w:sectPr/></w:body></w:document>`,
    ),
  });
}

/** Escaped, and without the control characters that XML 1.0 cannot hold. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
