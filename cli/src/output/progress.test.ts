import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelProgress } from '@murmuration/asr';
import { ProgressLine } from './progress.js';

const at = (doneBytes: number, step: ModelProgress['step'] = 'downloading'): ModelProgress => ({
  step,
  reason: '',
  file: 'onnx/encoder_model.onnx',
  doneBytes,
  totalBytes: 1_000_000,
});

test('Where a person watches, a bar redraws itself within the width of the line, and goes away', () => {
  let text = '';
  let nowMs = 0;
  const line = new ProgressLine(
    {
      err: (piece) => {
        text += piece;
      },
      isWatched: true,
      columns: 60,
    },
    () => nowMs,
  );
  line.update(at(250_000));
  line.update(at(260_000));
  nowMs = 100;
  line.update(at(500_000));
  line.end();
  const drawn = text.split('\r\u001B[K');
  assert.deepEqual(drawn, [
    '',
    'fetching [######..................] 25 %  250.0 kB of 1.0 M',
    'fetching [############............] 50 %  500.0 kB of 1.0 M',
    '',
  ]);
});

test('Elsewhere a line is written when a step begins and every ten seconds, and troubles are told', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const line = new ProgressLine(
    {
      err: (piece) => {
        lines.push(piece);
      },
      isWatched: false,
      columns: 80,
    },
    () => nowMs,
  );
  line.update({ step: 'waiting', reason: '', file: '', doneBytes: 0, totalBytes: 0 });
  line.update(at(0));
  nowMs = 9_999;
  line.update(at(300_000));
  line.update({ step: 'pausing', reason: 'the hub answers 503', file: '', doneBytes: 0, totalBytes: 0 });
  line.update(at(400_000));
  line.end();
  assert.deepEqual(lines, [
    'another process fetches it\n',
    'fetching onnx/encoder_model.onnx  0 %  0 B of 1.0 MB\n',
    'the hub answers 503; trying again\n',
    'fetching onnx/encoder_model.onnx  40 %  400.0 kB of 1.0 MB\n',
  ]);
});
