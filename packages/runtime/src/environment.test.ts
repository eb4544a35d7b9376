import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EnvironmentError,
  booleanVariable,
  integerVariable,
  isLoopback,
  parseEnvironment,
  portVariable,
} from './environment.js';
import { redisUrlVariable } from './redis-settings.js';

const shape = {
  PORT: portVariable.default(8000),
  SECRET: redisUrlVariable.optional(),
  ON: booleanVariable.default(true),
  COUNT: integerVariable(1, 5).optional(),
};

test('Unset and empty variables take their defaults, others are not looked at', () => {
  assert.deepEqual(parseEnvironment(shape, { PORT: ' ', OTHER: 'x' }), { PORT: 8000, ON: true });
  assert.deepEqual(parseEnvironment(shape, { PORT: '0', ON: 'false', COUNT: '5' }), { PORT: 0, ON: false, COUNT: 5 });
});

test('Every bad variable is named at once, and no value is repeated', () => {
  assert.throws(
    () => parseEnvironment(shape, { PORT: '70000', SECRET: 'hunter2', ON: 'perhaps', COUNT: '1.5' }),
    (error: unknown) => {
      assert.ok(error instanceof EnvironmentError);
      for (const name of ['PORT', 'SECRET', 'ON', 'COUNT']) assert.match(error.message, new RegExp(name));
      assert.doesNotMatch(error.message, /hunter2|perhaps|70000/);
      return true;
    },
  );
});

test('Loopback addresses are told from others', () => {
  for (const host of ['127.0.0.1', '127.5.0.1', '::1', 'localhost']) assert.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', '1270.0.0.1'])
    assert.equal(isLoopback(host), false, host);
});
