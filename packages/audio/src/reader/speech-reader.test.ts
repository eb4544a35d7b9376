import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { refusal } from '@murmuration/contracts/testing';
import { WITHOUT_FFMPEG, encodedTwin, inPieces, voice, wavFile } from '../decode/testing/encoded-twins.js';
import { VAD_MODEL_PATH, WITHOUT_MODEL, WITHOUT_RECORDINGS, recordingBytes } from '../testing/detection-samples.js';
import { collect, input, stuckSource, suiteReader, wav, whole, type Result } from '../testing/reading.js';
import { SpeechReader } from './speech-reader.js';

void describe('SpeechReader', { skip: WITHOUT_MODEL }, () => {
  const using = suiteReader();

  void test('A wav without detection is cut by length alone, with overlaps, and all of it is speech', async () => {
    const { chunks, summary } = await collect(using.reader.read(input(inPieces(wav, 50_000), { detect: whole })));
    assert.equal(summary.durationMs, 40_000);
    assert.match(summary.format, /^wav\//);
    assert.equal(summary.accounting.speechMs, 40_000);
    let heardUntilMs = 0;
    for (const { chunk } of chunks) {
      const [span] = chunk.spans;
      assert.ok(span !== undefined && chunk.spans.length === 1);
      assert.equal(span.startMs, heardUntilMs - chunk.overlapMs);
      heardUntilMs = span.startMs + span.durationMs;
    }
    assert.equal(heardUntilMs, 40_000);
    assert.ok(chunks.length >= 3);
  });

  void test('The size of the pieces changes nothing', { skip: WITHOUT_RECORDINGS }, async () => {
    const bytes = recordingBytes('two-speakers-stereo.wav');
    const essence = ({ chunks, summary }: Result): unknown => [chunks, { ...summary, decodeMs: 0, detectMs: 0 }];
    const once = await collect(using.reader.read(input(inPieces(bytes, bytes.length), { channels: 'split' })));
    for (const size of [997, 4_096, 65_536]) {
      assert.deepEqual(
        essence(await collect(using.reader.read(input(inPieces(bytes, size), { channels: 'split' })))),
        essence(once),
      );
    }
  });

  void test(
    'Channels are detected apart, counted together and ordered by when they are complete',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const { chunks, summary } = await collect(
        using.reader.read(input(inPieces(recordingBytes('two-speakers-stereo.wav'), 65_536), { channels: 'split' })),
      );
      assert.equal(summary.channels, 2);
      assert.deepEqual(
        chunks.map(({ chunk }) => chunk.channel),
        [1, 0],
      );
      assert.ok((chunks[0]?.chunk.speech[0]?.endMs ?? Infinity) < (chunks[1]?.chunk.speech[0]?.endMs ?? 0));
    },
  );

  void test(
    'Speech comes out of recordings of speech, nothing out of noise',
    { skip: WITHOUT_RECORDINGS },
    async () => {
      const results = await Promise.all(
        [
          'jfk.wav',
          'harvard-spk1-2.wav',
          'numbers-mono-44k1.aiff',
          'silence.wav',
          'noise-babble.wav',
          'noise-dog.wav',
          'noise-thunder.wav',
        ].map(
          async (file) =>
            [
              file,
              (await collect(using.reader.read(input(inPieces(recordingBytes(file), 30_000))))).chunks.length,
            ] as const,
        ),
      );
      assert.deepEqual(results, [
        ['jfk.wav', 4],
        ['harvard-spk1-2.wav', 1],
        ['numbers-mono-44k1.aiff', 3],
        ['silence.wav', 0],
        ['noise-babble.wav', 0],
        ['noise-dog.wav', 0],
        ['noise-thunder.wav', 0],
      ]);
    },
  );

  void test('What another decoder gives passes the same way', { skip: WITHOUT_FFMPEG }, async () => {
    const mp3 = encodedTwin(wav, ['-b:a', '64k'], 'mp3');
    const { chunks, summary } = await collect(using.reader.read(input(inPieces(mp3, 10_000), { detect: whole })));
    assert.ok(Math.abs(summary.durationMs - 40_000) < 100);
    assert.equal(summary.format, 'mp3');
    assert.ok(chunks.length >= 3);
  });

  void test('Many recordings at once do not mix', async () => {
    const lengths = Array.from({ length: 24 }, (_, index) => 2 + index / 2);
    const durations = await Promise.all(
      lengths.map(
        async (seconds) =>
          (await collect(using.reader.read(input(inPieces(wavFile(voice(seconds, 8_000, 1), 8_000), 7_000))))).summary
            .durationMs,
      ),
    );
    assert.deepEqual(
      durations,
      lengths.map((seconds) => seconds * 1_000),
    );
  });

  void test('Chunks come while the recording is still arriving', async () => {
    const { source, closed } = stuckSource(wav);
    for await (const event of using.reader.read(input(source, { detect: whole }))) {
      assert.equal(event.type, 'chunk');
      break;
    }
    await closed;
  });

  void test('Nothing is read ahead of a consumer that does not pull, but for a bound', async () => {
    let given = 0;
    const head = wav.slice(0, 44);
    new DataView(head.buffer).setUint32(40, 0xffff_ffff, true);
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield head;
      for (;;) {
        await Promise.resolve();
        given += 65_536;
        yield new Uint8Array(65_536);
      }
    }
    const events = using.reader.read(input(endless(), { detect: whole }));
    await events.next();
    const turns = async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn++)
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
    };
    // A second recording from beginning to end gives the first enough time to read on, if it would.
    await collect(using.reader.read(input(inPieces(wav, 1_000), { detect: whole })));
    await turns(100);
    const before = given;
    await collect(using.reader.read(input(inPieces(wav, 1_000), { detect: whole })));
    await turns(100);
    assert.equal(given, before);
    assert.ok(given < 4_000_000, String(given));
    await events.return();
  });
});

void test(
  'Closing a reader ends its recordings with `shutting_down` and takes no new ones',
  { skip: WITHOUT_MODEL },
  async () => {
    const reader = await SpeechReader.start({
      threads: 1,
      vadModelPath: VAD_MODEL_PATH,
      spoolDir: tmpdir(),
      maxSpoolBytes: 0,
      ffmpeg: null,
    });
    const events = reader.read(input(stuckSource(wav).source, { detect: whole }));
    await events.next();
    const rest = assert.rejects(collect(events), refusal('shutting_down'));
    await reader.close();
    await rest;
    await assert.rejects(reader.read(input(inPieces(wav, 65_536), { detect: whole })).next(), refusal('shutting_down'));
  },
);

void test('A reader whose model is missing does not start', async () => {
  await assert.rejects(
    SpeechReader.start({
      threads: 2,
      vadModelPath: join(tmpdir(), 'no-such-model.onnx'),
      spoolDir: tmpdir(),
      maxSpoolBytes: 0,
      ffmpeg: null,
    }),
    /no-such-model/,
  );
});
