import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputNames } from './transcribe-one.js';

test('Each transcript is named for its recording, and no two alike, whatever the names', () => {
  assert.deepEqual(
    outputNames(
      [
        'a/talk.mp3',
        'b/talk.wav',
        'TALK',
        'talk-2.flac',
        '-',
        'https://example.com/x/Caf%C3%A9%2f..%2f.mp3?a=b',
        'https://example.com/',
        'https://example.com/%zz.wav',
        '.hidden',
        '..',
      ],
      'srt',
    ),
    [
      'talk.srt',
      'talk-2.srt',
      'TALK-3.srt',
      'talk-2-2.srt',
      'recording.srt',
      'Café_.._.srt',
      'recording-2.srt',
      '%zz.srt',
      'hidden.srt',
      'recording-3.srt',
    ],
  );
});
