import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { event, said } from '../testing/live-events.js';
import { COMMIT, brief, deltas, live } from './testing/realtime-client.js';

describe('OpenAI Realtime', () => {
  test('A completed item tells what the filters took away, where they did.', () => {
    const made = live();
    const final = {
      ...event.final(0, 'Hello.'),
      filtered: [{ startMs: 400, endMs: 900, text: 'Thank you.', reason: 'phantom_phrase' }],
    };
    const completed = [
      event.started(0),
      event.ended(0),
      final,
      event.started(1),
      event.ended(1),
      event.final(1, 'Bye.'),
    ]
      .flatMap((one) => said(made.events(one, 0)))
      .filter((event) => String(event['type']).endsWith('.completed'));
    assert.deepEqual(
      completed.map((event) => event['filtered']),
      [[{ start: 0.4, end: 0.9, text: 'Thank you.', reason: 'phantom_phrase' }], undefined],
    );
  });

  test('A turn that the service finds runs from speech_started to completed under one item, each item naming the one before.', () => {
    const made = live();
    const events = [
      event.started(0),
      event.partial(0, 'Hello wor', 6),
      event.partial(0, 'Hello world', 11),
      event.ended(0),
      event.final(0, 'Hello world.'),
      event.started(1),
      event.ended(1),
      event.final(1, 'Bye.'),
    ].map((one) => made.events(one, 0));
    assert.deepEqual(events.flatMap(brief), [
      'speech_started item_1',
      'delta item_1',
      'delta item_1',
      'speech_stopped item_1',
      'committed item_1',
      'added',
      'done',
      'delta item_1',
      'completed item_1',
      'speech_started item_2',
      'speech_stopped item_2',
      'committed item_2',
      'added',
      'done',
      'delta item_2',
      'completed item_2',
    ]);
    const all = events.flatMap((actions) => said(actions));
    assert.deepEqual(
      all.filter((event) => event['type'] === 'input_audio_buffer.committed').map((event) => event['previous_item_id']),
      [null, 'item_1'],
    );
    assert.deepEqual(
      all
        .filter((event) => 'audio_start_ms' in event || 'audio_end_ms' in event)
        .map((event) => event['audio_start_ms'] ?? event['audio_end_ms']),
      [0, 1_000, 2_000, 3_000],
    );
    const [completed] = all.filter((event) => String(event['type']).endsWith('.completed'));
    assert.deepEqual(
      [completed?.['transcript'], completed?.['usage'], completed?.['languages'], completed?.['content_index']],
      ['Hello world.', { type: 'duration', seconds: 1 }, [{ code: 'en' }], 0],
    );
    assert.equal(new Set(all.map((event) => event['event_id'])).size, all.length);
    assert.ok(
      all.every((event) => !('item_id' in event) || event['item_id'] !== null),
      'no null where LiveKit would end',
    );
  });

  test('Deltas only add what is certain, and together are the transcript.', () => {
    const made = live();
    const told = [
      event.partial(0, 'I scream', 2),
      event.partial(0, 'Ice', 0),
      event.partial(0, 'I scream for', 9),
      event.final(0, 'I scream for ice.'),
    ].map((one) => deltas(made.events(one, 0)));
    assert.deepEqual(told, ['I', '', ' scream', ' for ice.']);
  });

  test('Where the final takes back what was held for certain, nothing is added, and the transcript is right.', () => {
    const made = live();
    assert.equal(deltas(made.events(event.partial(0, 'Ice cream', 9), 0)), 'Ice cream');
    const actions = made.events(event.final(0, 'I scream.'), 0);
    assert.equal(deltas(actions), '');
    assert.equal(said(actions).at(-1)?.['transcript'], 'I scream.');
  });

  test('Without detection a turn is what the client commits; what was cut for its length stays in it.', () => {
    const made = live({ audio: { input: { turn_detection: null } } });
    const actions = [
      event.started(0),
      event.ended(0, 'cut'),
      event.partial(1, 'two'),
      event.final(0, 'One', 'cut'),
      event.ended(1, 'committed'),
      event.final(1, 'two.', 'committed'),
      event.ended(2, 'committed'),
      event.final(2, 'Three.', 'committed'),
    ].map((one) => made.events(one, 0));
    assert.deepEqual(
      actions.flatMap(brief).filter((event) => !/^(added|done)/.test(event)),
      [
        'delta item_1',
        'committed item_1',
        'delta item_1',
        'completed item_1',
        'committed item_2',
        'delta item_2',
        'completed item_2',
      ],
    );
    assert.deepEqual(
      actions
        .flatMap((one) => said(one))
        .filter((event) => 'transcript' in event)
        .map((event) => [event['transcript'], (event['usage'] as { seconds: number }).seconds]),
      [
        ['One two.', 2],
        ['Three.', 1],
      ],
    );
  });

  test('A turn of several parts in a script without spaces is one text without spaces, in deltas and at its end.', () => {
    const made = live({ audio: { input: { turn_detection: null } } });
    const all = [
      event.started(0),
      event.ended(0, 'cut'),
      event.final(0, '今天天气很好', 'cut'),
      event.partial(1, '我们去'),
      event.ended(1, 'committed'),
      event.final(1, '我们去公园。', 'committed'),
    ].flatMap((one) => made.events(one, 0));
    assert.equal(deltas(all), '今天天气很好我们去公园。');
    assert.equal(said(all).find((event) => 'transcript' in event)?.['transcript'], '今天天气很好我们去公园。');
  });

  test('A turn that the client commits while somebody speaks ends as others do, and its item is told once.', () => {
    const made = live();
    made.text(COMMIT);
    const events = [
      made.events(event.started(0), 0),
      made.events(event.ended(0, 'committed'), 0),
      made.committed(0),
      made.events(event.final(0, 'Hello.', 'committed'), 0),
    ];
    assert.deepEqual(events.flatMap(brief), [
      'speech_started item_1',
      'speech_stopped item_1',
      'committed item_1',
      'added',
      'done',
      'delta item_1',
      'completed item_1',
    ]);
  });

  test('A commit after nothing but a cut utterance completes its item once that is final.', () => {
    const made = live({ audio: { input: { turn_detection: null } } });
    made.events(event.ended(0, 'cut'), 0);
    assert.deepEqual(brief(made.committed(null)), ['committed item_1', 'added', 'done']);
    assert.deepEqual(brief(made.events(event.final(0, 'All.', 'cut'), 0)), ['delta item_1', 'completed item_1']);
  });
});
