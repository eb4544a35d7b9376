import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guardedJson } from './json-fields.js';

const code = (text: string): string | undefined => {
  try {
    guardedJson(text, 'The body');
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('JSON from clients', () => {
  test('Ordinary JSON comes back as it is, whatever its strings look like.', () => {
    const value = { a: [1, -2.5e3, 'x: {"a": [', null, true], 'b\\"': { a: {}, '': [] }, 'é\u2028': '\\' };
    assert.deepEqual(guardedJson(JSON.stringify(value), 'The body'), value);
    assert.deepEqual(guardedJson(JSON.stringify(value, null, 2), 'The body'), value);
    assert.equal(guardedJson('"a"', 'The body'), 'a');
  });

  test('A key that comes twice is refused in every object, in every spelling, and equal keys of different objects are not.', () => {
    for (const text of ['{"a":1,"a":2}', '{"a":1, "\\u0061" : 2}', '[{"x":{"a":1,"b":{},"a":1}}]'])
      assert.equal(code(text), 'invalid_field', text);
    assert.equal(code('{"a":{"a":[{"a":"a"},{"a":"a"}]},"b":"a"}'), undefined);
  });

  test('__proto__ is refused at every depth and in every spelling.', () => {
    for (const text of ['{"__proto__":{}}', '{"a":[{"\\u005f_proto__":1}]}'])
      assert.equal(code(text), 'invalid_field', text);
    assert.equal(code('{"a":"__proto__"}'), undefined);
  });

  test('Depth is bounded: 32 is taken, 33 and half a million are not.', () => {
    assert.equal(code('['.repeat(32) + ']'.repeat(32)), undefined);
    for (const depth of [33, 500_000]) assert.equal(code('['.repeat(depth) + ']'.repeat(depth)), 'invalid_request');
  });

  test('What is no JSON is refused, in time that grows with its length only.', () => {
    for (const text of ['', '{', '{"a"}', '{a:1}', 'NaN', '"\\"'.repeat(300_000), '{"a":1}x', '[1,]'])
      assert.equal(code(text), 'invalid_request');
  });

  test('Whole numbers that would change on the way are refused.', () => {
    assert.equal(code('{"a":9007199254740993}'), 'invalid_request');
    assert.equal(code('{"a":9007199254740991,"b":"9007199254740993"}'), undefined);
  });
});
