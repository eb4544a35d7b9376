import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Segment, Word } from '@murmuration/contracts';
import { cueLines, cuesOf, DEFAULT_LAYOUT, type Cue, type CueLayout } from './cues.js';
import { displayWidth } from './cue-units.js';
import { renderSrt, renderVtt } from './render-subtitles.js';
import { segment } from './testing.js';

type Written = Pick<Segment, 'text' | 'startMs' | 'endMs'> & {
  readonly words: readonly (readonly [word: string, startMs: number, endMs: number])[];
};

/** Segments as Moonshine tiny, Whisper tiny.en and Whisper base wrote them for real recordings, with the times of their words. */
const REAL = JSON.parse(readFileSync(new URL('../testing/real-segments.json', import.meta.url), 'utf8')) as Record<
  string,
  Written[][]
>;
const HOUR_MS = 3_600_000;

/** An hour of real segments: recordings in an order and with pauses that are the same in every run. */
function hour(recordings: readonly Written[][], worded: boolean): Segment[] {
  let state = 7;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const segments: Segment[] = [];
  for (let atMs = 0; atMs < HOUR_MS;) {
    const recording = recordings[Math.floor(random() * recordings.length)] ?? [];
    for (const { text, startMs, endMs, words } of recording) {
      const timed = words.map(([word, from, to]): Word => ({
        word,
        startMs: atMs + from,
        endMs: atMs + to,
        probability: 1,
      }));
      segments.push(segment(text, atMs + startMs, atMs + endMs, worded ? { words: timed } : {}));
    }
    atMs = (segments.at(-1)?.endMs ?? atMs) + 200 + 2_000 * random();
  }
  return segments;
}

const textOf = (cue: Cue): string => cueLines(cue).join(' ');

function violations(segments: readonly Segment[], cues: readonly Cue[], layout: CueLayout): string[] {
  const found: string[] = [];
  cues.forEach((cue, i) => {
    const next = cues[i + 1];
    const lines = cueLines(cue);
    const lengthMs = cue.endMs - cue.startMs;
    const complain = (what: string): void => {
      found.push(
        `${what}: ${String(cue.startMs)} to ${String(cue.endMs)} ${lines.join(' | ')} (then ${String(next?.startMs)})`,
      );
    };
    if (lines.length > layout.maxLineCount) complain('lines');
    if (lines.some((line) => displayWidth(line) > layout.maxLineWidth || line !== line.trim() || line === ''))
      complain('width');
    if (lengthMs > 7_000) complain('long');
    if (lengthMs < 1_000) complain('short');
    if (next !== undefined && next.startMs < cue.endMs) complain('overlap');
    // Faster than can be read only where the speech is, and nothing is left of the pause after it.
    const fast = Array.from(textOf(cue)).length / (lengthMs / 1_000) > 17.5;
    if (
      fast &&
      lengthMs < 6_990 &&
      next !== undefined &&
      next.startMs > cue.endMs + 5 &&
      cue.endMs < (cue.lines.at(-1)?.at(-1)?.endMs ?? 0) + 1_990
    )
      complain('fast');
    const before = cues[i - 1]?.lines.at(-1)?.at(-1);
    const last = cue.lines.at(-1)?.at(-1);
    if (
      textOf(cue).length < 8 &&
      !(last?.sentenceEnd === true && (before === undefined || before.sentenceEnd)) &&
      !segments.some(({ text }) => text.trim() === textOf(cue))
    )
      complain('alone');
  });
  const bare = (text: string): string => text.replace(/\s+/gu, '');
  if (bare(cues.map(textOf).join('')) !== bare(segments.map(({ text }) => text).join(''))) found.push('text');
  return found;
}

describe('Subtitles of an hour of real segments', () => {
  for (const [model, recordings] of Object.entries(REAL)) {
    for (const worded of [true, false]) {
      test(`Break no rule: ${model}, ${worded ? 'with' : 'without'} times of words`, () => {
        const segments = hour(recordings, worded);
        const cues = cuesOf({ segments });
        assert.ok(cues.length > 500);
        assert.deepEqual(violations(segments, cues, DEFAULT_LAYOUT), []);
      });
    }
    test(`Keep to one line of 32 columns where that is asked: ${model}`, () => {
      const layout = { ...DEFAULT_LAYOUT, maxLineWidth: 32, maxLineCount: 1 };
      const segments = hour(recordings, true);
      assert.deepEqual(
        violations(segments, cuesOf({ segments }, layout), layout).filter((what) =>
          /^(?:lines|width|long|overlap|text)/u.test(what),
        ),
        [],
      );
    });
  }
});

describe('Subtitles', () => {
  const lines = (segments: readonly Segment[], layout: Partial<CueLayout> = {}): string[] =>
    cuesOf({ segments }, { ...DEFAULT_LAYOUT, ...layout }).map((cue) => cueLines(cue).join('|'));
  const LONG =
    'He began a confused complaint against the wizard, who had vanished behind the curtain on the left before anybody could ask him about the software.';

  test('A long segment without times of words is divided and wrapped in even lines', () => {
    const cues = lines([segment(LONG, 0, 9_500)]);
    assert.equal(cues.join(' ').replaceAll('|', ' '), LONG);
    assert.ok(
      cues.length >= 2 &&
        cues.every((cue) => cue.split('|').length <= 2 && cue.split('|').every((line) => line.length <= 42)),
      cues.join('\n'),
    );
    assert.ok(
      cues.every((cue) => cue.split(/[| ]/u).length > 2),
      cues.join('\n'),
    );
    assert.match(renderSrt({ segments: [segment(LONG, 0, 9_500)] }), /-->.*\n[^\n]+\n[^\n]+\n\n/u);
  });

  test('Chinese and Japanese break between characters, two columns each, and no line begins with a closing mark or a sign of length', () => {
    const text =
      '今日は天気がとてもいいので、公園まで歩いて行って、コーヒーを飲みながら、友だちとゆっくり話をしました。';
    const cues = lines([segment(text, 0, 10_000)], { maxLineWidth: 26 });
    assert.equal(cues.join('').replaceAll('|', ''), text);
    for (const line of cues.flatMap((cue) => cue.split('|'))) {
      assert.ok(displayWidth(line) <= 26, line);
      assert.doesNotMatch(line, /^[、。」ーっゃゅょ]/u);
    }
  });

  test('A word wider than a line is broken, and marks over letters take no room', () => {
    assert.deepEqual(
      lines([segment('x'.repeat(50), 0, 3_000)]).map((cue) => cue.split('|').map((line) => line.length)),
      [[42, 8]],
    );
    assert.equal(displayWidth('é'.normalize('NFD') + '日한A'), 6);
  });

  test('Words of a line are as many as asked, one line a cue unless more are asked for', () => {
    assert.deepEqual(
      lines([segment('one two three four five six', 0, 6_000)], { maxWordsPerLine: 2, maxLineCount: 1 }),
      ['one two', 'three four', 'five six'],
    );
  });

  test('No subtitle holds the end of a sentence, the pause behind it and the next sentence', () => {
    const said = [
      segment('The child almost hurt the small dog.', 0, 2_880),
      segment('Drop the two when you add the figures.', 4_120, 7_160),
      segment('At that high level, the air is pure.', 8_420, 11_120),
      segment('A thin stripe runs down the middle.', 11_920, 14_400),
      segment('Sunday is the best part of the week.', 15_700, 18_276),
    ];
    for (const maxWordsPerLine of [1, 2, 3, 4, 5, 6, 7, 8, null])
      for (const maxLineWidth of [12, 20, 42])
        for (const maxLineCount of [1, 2])
          for (const line of lines(said, { maxWordsPerLine, maxLineWidth, maxLineCount }))
            assert.doesNotMatch(line, /\..+/u, JSON.stringify({ maxWordsPerLine, maxLineWidth, maxLineCount }));
  });

  test('Each word is underlined while it is said', () => {
    const words = [
      { word: 'Hi', startMs: 0, endMs: 400, probability: 1 },
      { word: 'there.', startMs: 600, endMs: 1_500, probability: 1 },
    ];
    const said = { segments: [segment('Hi there.', 0, 1_500, { words })] };
    const layout = { ...DEFAULT_LAYOUT, highlightWords: true };
    assert.equal(
      renderSrt(said, layout),
      '1\n00:00:00,000 --> 00:00:00,400\n<u>Hi</u> there.\n\n2\n00:00:00,400 --> 00:00:00,600\nHi there.\n\n3\n00:00:00,600 --> 00:00:01,500\nHi <u>there.</u>\n\n',
    );
    assert.match(renderVtt(said, layout), /\nHi <u>there\.<\/u>\n/u);
  });

  test('Channels have subtitles of their own, in order of time', () => {
    const cues = cuesOf({
      segments: [
        segment('Left side.', 0, 3_000),
        segment('Right side.', 500, 2_000, { channel: 1 }),
        segment('Left again.', 3_500, 5_000),
      ],
    });
    assert.deepEqual(
      cues.map(({ channel }) => channel),
      [0, 1, 0],
    );
  });
});
