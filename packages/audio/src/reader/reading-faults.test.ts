import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { AsrError } from '@murmuration/contracts';
import { refusal } from '@murmuration/contracts/testing';
import { LIMITS, inPieces } from '../decode/testing/encoded-twins.js';
import { WITHOUT_MODEL } from '../testing/detection-samples.js';
import type { RecordingInput } from '../recording.js';
import { collect, input, stuckSource, suiteReader, wav, whole, type Result } from '../testing/reading.js';

void describe('Reading that is given up or fails', { skip: WITHOUT_MODEL }, () => {
  const using = suiteReader();

  void test('Aborting ends the reading with `cancelled` and lets go of the source, even one that is stuck', async () => {
    for (const reason of [undefined, new AsrError('upload_timeout')]) {
      const abort = new AbortController();
      const { source, closed } = stuckSource(wav);
      const events = using.reader.read(input(source, { detect: whole, signal: abort.signal }));
      await events.next();
      const rest = collect(events);
      abort.abort(reason);
      await assert.rejects(rest, refusal(reason?.code ?? 'cancelled'));
      await closed;
    }
    const signal = AbortSignal.abort();
    await assert.rejects(using.reader.read(input(inPieces(wav, 1_000), { signal })).next(), refusal('cancelled'));
    assert.deepEqual(await readdir(using.spoolDir), []);
  });

  void test('Bad recordings are refused with their code; the next one is read', async () => {
    const refused = (bytes: Uint8Array, more: Partial<RecordingInput> = {}): Promise<Result> =>
      collect(using.reader.read(input(inPieces(bytes, 1_000), { detect: whole, ...more })));
    await assert.rejects(refused(new Uint8Array(0)), refusal('empty_file'));
    await assert.rejects(
      refused(new TextEncoder().encode('no sound at all, only words. '.repeat(50))),
      refusal('unprocessable_audio'),
    );
    await assert.rejects(refused(wav.slice(0, 44)), refusal('unprocessable_audio'));
    await assert.rejects(refused(wav, { limits: { ...LIMITS, maxDurationMs: 39_999 } }), refusal('audio_too_long'));
    assert.equal((await refused(wav, { limits: { ...LIMITS, maxDurationMs: 40_000 } })).summary.durationMs, 40_000);
  });

  void test('What the source throws reaches the caller as it is', async () => {
    const fault = new AsrError('file_too_large');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* inPieces(wav.slice(0, 300_000), 65_536);
      throw fault;
    }
    await assert.rejects(collect(using.reader.read(input(failing(), { detect: whole }))), (error) => error === fault);
  });

  void test('A thread that dies fails its own recordings only, and is replaced', async () => {
    const abort = new AbortController();
    const runs = [1, 2].map(() =>
      using.reader.read(input(stuckSource(wav).source, { detect: whole, signal: abort.signal })),
    );
    for (const run of runs) await run.next();
    // With one recording on each of the two threads, the place is on the thread of one of them.
    let died = false;
    const lease = await using.threads.lease(() => {
      died = true;
    });
    const failures = runs.map((run) =>
      collect(run).then(
        () => null,
        (error: unknown) => error,
      ),
    );
    await lease.thread.terminate();
    const failure = await Promise.race(failures);
    assert.ok(refusal('internal')(failure), String(failure));
    assert.equal(died, true);
    lease.release();
    const next = await Promise.all(
      [1, 2].map(() => collect(using.reader.read(input(inPieces(wav, 65_536), { detect: whole })))),
    );
    assert.deepEqual(
      next.map(({ summary }) => summary.durationMs),
      [40_000, 40_000],
    );
    abort.abort();
    const codes = (await Promise.all(failures)).map((error) =>
      error instanceof AsrError ? error.code : String(error),
    );
    assert.deepEqual(codes.sort(), ['cancelled', 'internal']);
  });
});
