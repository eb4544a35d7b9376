import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { RecordingSummary } from '@murmuration/contracts';
import { LIMITS, ffmpeg, voice, wavFile } from '../decode/testing/encoded-twins.js';
import { DetectionThreads } from '../detect/detection-threads.js';
import { SpeechReader } from '../reader/speech-reader.js';
import { SPEECH_READER_THREAD, type SpeechReaderMethods } from '../reader/thread-recording.js';
import type { RecordingEvent, RecordingInput } from '../recording.js';
import { DETECT, POLICY, VAD_MODEL_PATH } from './detection-samples.js';

type Chunk = Extract<RecordingEvent, { type: 'chunk' }>;
/** All that came of a recording. */
export type Result = { chunks: Chunk[]; summary: RecordingSummary };

/** What the tests of a suite read with; there from its first test on. */
export interface SuiteReader {
  spoolDir: string;
  threads: DetectionThreads<SpeechReaderMethods>;
  reader: SpeechReader;
}

/** A reader with two threads and a folder for what it spools, for the suite that calls this. */
export function suiteReader(): SuiteReader {
  const made = {} as SuiteReader;
  before(async () => {
    made.spoolDir = await mkdtemp(join(tmpdir(), 'murmuration-spool-'));
    made.threads = await DetectionThreads.start<SpeechReaderMethods>(SPEECH_READER_THREAD, 2, VAD_MODEL_PATH);
    made.reader = new SpeechReader({ spoolDir: made.spoolDir, maxSpoolBytes: 100_000_000, ffmpeg }, made.threads);
  });
  after(async () => {
    await made.reader.close();
    await rm(made.spoolDir, { recursive: true });
  });
  return made;
}

/** A recording to read, with the settings of these tests. */
export function input(source: AsyncIterable<Uint8Array>, more: Partial<RecordingInput> = {}): RecordingInput {
  return {
    source,
    contentType: null,
    extension: null,
    channels: 'mix',
    detect: DETECT,
    policy: POLICY,
    limits: LIMITS,
    signal: new AbortController().signal,
    ...more,
  };
}

/** Takes everything that comes of a recording, and checks that it fits together. */
export async function collect(events: AsyncIterable<RecordingEvent>): Promise<Result> {
  const chunks: Chunk[] = [];
  let summary: RecordingSummary | null = null;
  for await (const event of events) {
    assert.equal(summary, null, 'nothing comes after the end');
    if (event.type === 'chunk') chunks.push(event);
    else ({ summary } = event);
  }
  assert.ok(summary !== null);
  assert.deepEqual(
    chunks.map(({ chunk }) => chunk.index),
    chunks.map((_, index) => index),
  );
  assert.equal(summary.chunks, chunks.length);
  const skippedMs = summary.accounting.skipped.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  assert.equal(
    summary.accounting.speechMs + summary.accounting.nonSpeechMs + skippedMs,
    summary.durationMs * summary.channels,
  );
  for (const { chunk, pcm } of chunks) assert.equal(pcm.byteLength, chunk.samples * 2);
  return { chunks, summary };
}

/** Bytes of a file, then nothing more, and never an end. `closed` resolves when the reader lets go of it. */
export function stuckSource(bytes: Uint8Array): { source: AsyncIterable<Uint8Array>; closed: Promise<void> } {
  let close: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const pieces = [bytes];
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => {
      const value = pieces.shift();
      return value === undefined ? new Promise(() => undefined) : Promise.resolve({ done: false, value });
    },
    return: () => {
      close();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { source: { [Symbol.asyncIterator]: () => iterator }, closed };
}

/** Without detection: all is speech. */
export const whole = { ...DETECT, vad: false };
/** 40 s of a generated voice as wav. */
export const wav = wavFile(voice(40, 16_000, 1), 16_000);
