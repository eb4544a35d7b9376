import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  NO_CREDENTIALS,
  credentialsInHeaders,
  credentialsInPassword,
  credentialsInProtocols,
  ticketInQuery,
} from './access.js';

const key = (text: string): object => ({ kind: 'key', key: text });

test('A key comes as the password of HTTP Basic, colons and all, whatever the user is called', () => {
  const basic = (text: string): { authorization: string } => ({
    authorization: `Basic ${Buffer.from(text).toString('base64')}`,
  });
  assert.deepEqual(credentialsInPassword(basic('anybody:murm_k1')), key('murm_k1'));
  assert.deepEqual(credentialsInPassword(basic(':a:b')), key('a:b'));
  for (const none of [
    basic('murm_k1'),
    basic('user:'),
    { authorization: 'Basic ***' },
    { authorization: 'Bearer k1' },
    {},
  ])
    assert.deepEqual(credentialsInPassword(none), NO_CREDENTIALS);
});

describe('credentialsInHeaders', () => {
  test('A key comes as Bearer, as Token or as x-api-key, whatever the case of the word', () => {
    for (const authorization of ['Bearer k1', 'bearer k1', 'BEARER \t k1 ', 'Token k1', 'token k1'])
      assert.deepEqual(credentialsInHeaders({ authorization }), key('k1'), authorization);
    assert.deepEqual(credentialsInHeaders({ 'x-api-key': ' k1 ' }), key('k1'));
  });

  test('Where a proxy uses authorization for itself, x-api-key counts; else authorization comes first', () => {
    assert.deepEqual(credentialsInHeaders({ authorization: 'Basic abc', 'x-api-key': 'k2' }), key('k2'));
    assert.deepEqual(credentialsInHeaders({ authorization: 'Bearer k1', 'x-api-key': 'k2' }), key('k1'));
  });

  test('The values of gRPC metadata are lists, and read the same way', () => {
    assert.deepEqual(credentialsInHeaders({ authorization: ['Bearer k1'] }), key('k1'));
    assert.deepEqual(credentialsInHeaders({ authorization: [], 'x-api-key': ['k2'] }), key('k2'));
  });

  test('What holds no key counts as none', () => {
    for (const headers of [
      {},
      { authorization: '' },
      { authorization: 'Bearer' },
      { authorization: 'Bearer  ' },
      { authorization: 'k1' },
      { authorization: 'Basic abc' },
      { 'x-api-key': ' ' },
    ]) {
      assert.equal(credentialsInHeaders(headers), NO_CREDENTIALS, JSON.stringify(headers));
    }
  });
});

describe('credentialsInProtocols', () => {
  test("A key comes among the subprotocols by our name or by OpenAI's, and is never among those to answer with", () => {
    assert.deepEqual(credentialsInProtocols('murmuration.v1, murmuration.key.murm_A-b_1'), {
      credentials: key('murm_A-b_1'),
      others: ['murmuration.v1'],
    });
    assert.deepEqual(credentialsInProtocols('realtime,openai-insecure-api-key.k.1 ,openai-beta.realtime-v1'), {
      credentials: key('k.1'),
      others: ['realtime', 'openai-beta.realtime-v1'],
    });
    assert.deepEqual(credentialsInProtocols('murmuration.key.a, openai-insecure-api-key.b'), {
      credentials: key('a'),
      others: [],
    });
  });

  test('Without a key the offered ones are left', () => {
    assert.deepEqual(credentialsInProtocols(undefined), { credentials: NO_CREDENTIALS, others: [] });
    assert.deepEqual(credentialsInProtocols('a, murmuration.key., ,b'), {
      credentials: NO_CREDENTIALS,
      others: ['a', 'murmuration.key.', 'b'],
    });
  });
});

describe('ticketInQuery', () => {
  test('A ticket may stand in an address', () => {
    assert.equal(ticketInQuery(new URLSearchParams('?language=en&ticket=t1')), 't1');
    assert.equal(ticketInQuery(new URLSearchParams('?ticket=')), null);
    assert.equal(ticketInQuery(new URLSearchParams('?language=en')), null);
  });

  test('A key may not, under whatever name it goes, and the refusal does not repeat it', () => {
    for (const name of [
      'key',
      'api_key',
      'api-key',
      'apiKey',
      'API_KEY',
      'token',
      'access_token',
      'x-api-key',
      'authorization',
    ]) {
      assert.throws(
        () =>
          ticketInQuery(
            new URLSearchParams([
              ['ticket', 't1'],
              [name, 'murm_x'],
            ]),
          ),
        (error: Error & { code?: string }) =>
          error.code === 'invalid_request' &&
          /may not stand in an address/.test(error.message) &&
          !error.message.includes('murm_x'),
        name,
      );
    }
  });
});
