import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FirstFault } from './form-reader.js';

describe('FirstFault', () => {
  test('Without a fault the work gives its own outcome.', async () => {
    const fault = new FirstFault();
    assert.equal(await fault.unless(Promise.resolve(1)), 1);
    await assert.rejects(fault.unless(Promise.reject(new Error('own'))), /own/);
  });

  test('A fault ends a wait, and every later one; the first one counts.', async () => {
    const fault = new FirstFault();
    const waiting = fault.unless(new Promise<void>(() => undefined));
    fault.occur(new Error('first'));
    fault.occur(new Error('second'));
    await assert.rejects(waiting, /first/);
    await assert.rejects(fault.unless(Promise.resolve(1)), /first/);
    await assert.rejects(fault.unless(Promise.reject(new Error('own'))), /first/);
  });
});
