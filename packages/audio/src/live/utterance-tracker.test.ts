import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WINDOW_SAMPLES } from '../detect/audio-window.js';
import type { DetectedWindow } from '../detect/detector.js';
import { UtteranceSegmenter } from '../detect/utterance-segmenter.js';
import { UtteranceTracker, type UtteranceEvent } from './utterance-tracker.js';

const SETTINGS = { detect: true, paddingMs: 64, endpointingMs: 320, maxUtteranceMs: 4_000 };

/** Windows as a detector gives them that is sure of itself: 1 is speech, 0 is none; digits between are levels. */
class Windows {
  readonly #segmenter = new UtteranceSegmenter({
    threshold: 0.5,
    minSpeechMs: 96,
    minSilenceMs: SETTINGS.endpointingMs,
  });

  /** The detector is restarted at every end that it did not find itself. */
  restart(): void {
    this.#segmenter.restart(this.#segmenter.nextWindow * WINDOW_SAMPLES);
  }

  next(speech: boolean, rms = 0.1): DetectedWindow {
    const index = this.#segmenter.nextWindow;
    const events = this.#segmenter.step(speech ? 1 : 0);
    return {
      index,
      probability: speech ? 1 : 0,
      rms,
      gated: false,
      speaking: this.#segmenter.speaking,
      events,
      atSamples: (index + 1) * WINDOW_SAMPLES,
    };
  }
}

function heard(
  tracker: UtteranceTracker,
  windows: Windows,
  stretches: readonly (readonly [count: number, speech: boolean, rms?: number])[],
): UtteranceEvent[] {
  return stretches.flatMap(([count, speech, rms]) =>
    Array.from({ length: count }, () => tracker.observe(windows.next(speech, rms))).flat(),
  );
}

const windowsOf = (samples: number): number => samples / WINDOW_SAMPLES;
const told = (events: readonly UtteranceEvent[]): unknown[] =>
  events.map((event) =>
    event.type === 'started'
      ? [event.utterance, 'started', windowsOf(event.speechStartSamples)]
      : [event.utterance, event.by, windowsOf(event.startSamples), windowsOf(event.endSamples)],
  );

test('An utterance has its padding on both sides and ends once silence is long enough', () => {
  const tracker = new UtteranceTracker(SETTINGS);
  const events = heard(tracker, new Windows(), [
    [10, false],
    [20, true],
    [12, false],
  ]);
  assert.deepEqual(told(events), [
    [0, 'started', 10],
    [0, 'silence', 8, 32],
  ]);
});

test('Audio too short to be speech is no utterance', () => {
  const tracker = new UtteranceTracker(SETTINGS);
  assert.deepEqual(
    heard(tracker, new Windows(), [
      [10, false],
      [2, true],
      [12, false],
    ]),
    [],
  );
});

test('Padding never reaches into the utterance before', () => {
  const tracker = new UtteranceTracker({ ...SETTINGS, paddingMs: 320 });
  const events = heard(tracker, new Windows(), [
    [10, false],
    [20, true],
    [11, false],
    [20, true],
    [12, false],
  ]);
  assert.deepEqual(told(events), [
    [0, 'started', 10],
    [0, 'silence', 0, 40],
    [1, 'started', 41],
    [1, 'silence', 40, 71],
  ]);
});

test('An utterance that the client ends inside speech goes on as the next one, and silence after it is none', () => {
  const windows = new Windows();
  const tracker = new UtteranceTracker(SETTINGS);
  const before = heard(tracker, windows, [
    [10, false],
    [20, true],
  ]);
  assert.deepEqual(told([...before, ...tracker.commit(30 * WINDOW_SAMPLES)]), [
    [0, 'started', 10],
    [0, 'committed', 8, 30],
  ]);
  windows.restart();
  assert.deepEqual(tracker.commit(30 * WINDOW_SAMPLES), [], 'no utterance is in progress');
  assert.deepEqual(
    told(
      heard(tracker, windows, [
        [5, true],
        [12, false],
      ]),
    ),
    [
      [1, 'started', 30],
      [1, 'silence', 30, 37],
    ],
  );
  heard(tracker, windows, [[10, true]]);
  tracker.commit(57 * WINDOW_SAMPLES);
  windows.restart();
  assert.deepEqual(heard(tracker, windows, [[12, false]]), []);
});

test('After an end that the client asked for, speech is confirmed again: what is too short begins nothing, and lasting speech keeps its audio from there', () => {
  for (const end of ['commit', 'pause', 'clear'] as const) {
    const windows = new Windows();
    const tracker = new UtteranceTracker(SETTINGS);
    heard(tracker, windows, [
      [10, false],
      [20, true],
    ]);
    tracker[end](30 * WINDOW_SAMPLES);
    windows.restart();
    assert.deepEqual(
      heard(tracker, windows, [
        [2, true],
        [12, false],
      ]),
      [],
      `${end}, then 64 ms of it`,
    );
    heard(tracker, windows, [[20, true]]);
    tracker[end](64 * WINDOW_SAMPLES);
    windows.restart();
    const [started, ended] = heard(tracker, windows, [
      [9, false],
      [20, true],
      [12, false],
    ]);
    assert.equal(
      started?.type === 'started' && windowsOf(started.speechStartSamples),
      73,
      `${end}, then speech that is found late`,
    );
    assert.deepEqual(
      ended?.type === 'ended' && [ended.startSamples, ended.endSamples].map(windowsOf),
      [64, 95],
      `${end}: no audio between`,
    );
  }
});

test('An utterance that is paused ends where its speech did, with its padding as far as there is audio', () => {
  const windows = new Windows();
  const tracker = new UtteranceTracker(SETTINGS);
  heard(tracker, windows, [
    [10, false],
    [20, true],
    [1, false],
  ]);
  assert.deepEqual(told(tracker.pause(31 * WINDOW_SAMPLES)), [[0, 'silence', 8, 31]]);
  assert.deepEqual(tracker.pause(31 * WINDOW_SAMPLES), []);
});

test('What the client ended before it was long enough is kept for the speech that follows', () => {
  const windows = new Windows();
  const tracker = new UtteranceTracker({ ...SETTINGS, paddingMs: 0 });
  heard(tracker, windows, [
    [10, false],
    [2, true],
  ]);
  assert.deepEqual(tracker.commit(12 * WINDOW_SAMPLES), []);
  windows.restart();
  const events = heard(tracker, windows, [
    [20, true],
    [12, false],
  ]);
  assert.deepEqual(told(events), [
    [0, 'started', 12],
    [0, 'silence', 10, 32],
  ]);
});

test('Speech without an end is cut at its quietest place, and the parts meet', () => {
  const tracker = new UtteranceTracker(SETTINGS);
  const events = heard(tracker, new Windows(), [
    [10, false],
    [100, true],
    [5, true, 0.001],
    [60, true],
    [12, false],
  ]);
  assert.deepEqual(told(events), [
    [0, 'started', 10],
    [0, 'cut', 8, 112.5],
    [1, 'started', 112.5],
    [1, 'silence', 112.5, 177],
  ]);
});

test('Without detection everything is speech until the client ends it, to the sample', () => {
  const tracker = new UtteranceTracker({ ...SETTINGS, detect: false });
  const level = (index: number): DetectedWindow => ({
    index,
    probability: 1,
    rms: 0.1,
    gated: false,
    speaking: true,
    atSamples: (index + 1) * WINDOW_SAMPLES,
    events:
      index === 0
        ? [
            { type: 'onset', startSamples: 0 },
            { type: 'confirmed', startSamples: 0 },
          ]
        : [],
  });
  assert.deepEqual(tracker.commit(0), []);
  const first = [0, 1, 2].flatMap((index) => tracker.observe(level(index)));
  const second = [...tracker.commit(1_600), ...tracker.observe(level(3))];
  assert.deepEqual(
    [...first, ...second].map((event) =>
      event.type === 'started' ? event.speechStartSamples : [event.startSamples, event.endSamples],
    ),
    [0, [0, 1_600], 1_600],
  );
  tracker.clear(2_000);
  assert.deepEqual(tracker.finish(2_000, null), []);
});

test('A tracker that continues from a snapshot gives the same events as an undisturbed one', () => {
  const stretches = [
    [10, false],
    [60, true],
    [3, false],
    [90, true],
    [20, false],
    [40, true],
    [12, false],
  ] as const;
  const pattern = stretches.flatMap(([count, speech]) => Array.from({ length: count }, () => speech));
  const whole = new UtteranceTracker(SETTINGS);
  const undisturbed = heard(whole, new Windows(), stretches);
  for (let cut = 1; cut < pattern.length; cut += 7) {
    const windows = new Windows();
    const first = new UtteranceTracker(SETTINGS);
    const events = pattern.slice(0, cut).flatMap((speech) => first.observe(windows.next(speech)));
    const second = new UtteranceTracker(
      SETTINGS,
      JSON.parse(JSON.stringify(first.snapshot())) as ReturnType<typeof first.snapshot>,
    );
    events.push(...pattern.slice(cut).flatMap((speech) => second.observe(windows.next(speech))));
    assert.deepEqual(events, undisturbed);
  }
});
