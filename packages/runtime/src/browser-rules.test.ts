import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { browserRefusal, type BrowserRules } from './browser-rules.js';

const unlisted: BrowserRules = { origins: [], hosts: [], open: true };

function asked(rules: BrowserRules, headers: IncomingHttpHeaders, method = 'POST'): boolean {
  return browserRefusal({ method, headers }, rules) === null;
}

/** Whether a page of this origin may open a WebSocket at this host. */
function mayOpen(origin: string | undefined, host: string, rules: BrowserRules): boolean {
  return asked(rules, { host, upgrade: 'websocket', ...(origin === undefined ? {} : { origin }) }, 'GET');
}

describe('Hosts that are asked for without keys', () => {
  test('Addresses, localhost and listed names are served, with any port', () => {
    for (const host of [
      '127.0.0.1',
      '127.0.0.1:8000',
      '10.1.2.3:8000',
      '8.8.4.4',
      '[::1]:8000',
      '[fe80::1]',
      'localhost',
      'localhost:8000',
      'LOCALHOST:8000',
      'localhost.:8000',
      'app.localhost:8000',
    ])
      assert.equal(asked(unlisted, { host }, 'GET'), true, host);
    const listed = { ...unlisted, hosts: ['asr.example', 'relay'] };
    for (const host of ['asr.example', 'ASR.example:8000', 'relay:8765'])
      assert.equal(asked(listed, { host }, 'GET'), true, host);
    assert.equal(asked({ ...unlisted, hosts: ['*'] }, { host: 'anything.example' }, 'GET'), true);
    assert.equal(asked(unlisted, {}, 'GET'), true);
  });

  test('Any other name is refused, whatever is asked, also where a proxy tells it', () => {
    for (const host of [
      'evil.example',
      'evil.example:8000',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evillocalhost',
      '127.0.0.1@evil.example',
      '',
      'a b',
      'evil.example#.localhost',
    ]) {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD'])
        assert.equal(
          asked(unlisted, { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }, method),
          false,
          `${method} ${host}`,
        );
    }
    assert.equal(asked(unlisted, { host: '127.0.0.1:8000', 'x-forwarded-host': 'evil.example' }, 'GET'), false);
    assert.equal(asked(unlisted, { host: 'evil.example', 'x-forwarded-host': 'localhost' }, 'GET'), false);
  });

  test('With keys every host is served', () => {
    assert.equal(
      asked({ ...unlisted, open: false }, { host: 'anything.example', origin: 'https://anything.example' }),
      true,
    );
  });
});

describe('Pages that send more than plain reads', () => {
  const host = '127.0.0.1:8000';

  test('A foreign page is refused, with its origin or with what the browser says of its site', () => {
    for (const origin of [
      'https://evil.example',
      'null',
      'http://10.0.0.8:8000',
      'file://',
      'chrome-extension://abc',
    ]) {
      for (const method of ['POST', 'DELETE', 'PUT', 'PATCH'])
        assert.equal(asked(unlisted, { host, origin }, method), false, `${method} ${origin}`);
      assert.equal(asked(unlisted, { host, origin }, 'GET'), true);
    }
    assert.equal(asked(unlisted, { host, 'sec-fetch-site': 'cross-site' }), false);
    assert.equal(asked({ ...unlisted, open: false }, { host, origin: 'https://evil.example' }), false);
  });

  test('Programs, pages of the same origin and listed ones may', () => {
    assert.equal(asked(unlisted, { host }), true);
    assert.equal(asked(unlisted, { host, origin: 'http://127.0.0.1:8000', 'sec-fetch-site': 'same-origin' }), true);
    const listed = { ...unlisted, origins: ['https://app.example'] };
    assert.equal(asked(listed, { host, origin: 'http://127.0.0.1:8000' }), true);
    assert.equal(asked(listed, { host, origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }), true);
    assert.equal(asked(listed, { host, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }), false);
    assert.equal(asked({ ...unlisted, origins: ['*'] }, { host, origin: 'https://evil.example' }), true);
    assert.equal(
      asked(
        { ...unlisted, open: false },
        { host: 'api:8000', 'x-forwarded-host': 'asr.example', origin: 'https://asr.example' },
      ),
      true,
    );
  });
});

describe('Origins of web pages that open a WebSocket', () => {
  test('A program, which sends no origin, is not kept out', () => {
    assert.equal(mayOpen(undefined, '127.0.0.1:8765', { ...unlisted, origins: ['https://app.example'] }), true);
  });

  test('Where origins are listed, those and no others may', () => {
    const rules: BrowserRules = { ...unlisted, origins: ['https://app.example'] };
    assert.equal(mayOpen('https://app.example', '10.0.0.7', rules), true);
    for (const origin of [
      'http://app.example',
      'https://app.example.evil.example',
      'https://app.example:8443',
      'http://localhost:3000',
      'null',
    ])
      assert.equal(mayOpen(origin, '10.0.0.7', rules), false, origin);
    assert.equal(mayOpen('https://anything.example', '10.0.0.7', { ...unlisted, origins: ['*'] }), true);
  });

  test('Without a list, pages of this machine may, and those of strangers may not', () => {
    for (const origin of [
      'http://localhost:3000',
      'http://127.0.0.1:8000',
      'http://[::1]:8000',
      'https://app.localhost',
    ])
      assert.equal(mayOpen(origin, '127.0.0.1:8765', unlisted), true, origin);
    for (const origin of [
      'https://evil.example',
      'http://localhost.evil.example',
      'http://127.evil.example',
      'null',
      'garbage',
      'file://',
    ])
      assert.equal(mayOpen(origin, '127.0.0.1:8765', unlisted), false, origin);
  });

  test('A page from the very host of the socket may; by name only where it is listed or keys are asked for, since a name can be made to point here', () => {
    assert.equal(mayOpen('http://10.0.0.7:8000', '10.0.0.7:8765', unlisted), true);
    assert.equal(mayOpen('http://10.0.0.8:8000', '10.0.0.7:8765', unlisted), false);
    assert.equal(mayOpen('https://asr.example', 'asr.example', unlisted), false);
    assert.equal(mayOpen('https://asr.example', 'asr.example', { ...unlisted, hosts: ['asr.example'] }), true);
    assert.equal(mayOpen('https://asr.example', 'asr.example', { ...unlisted, open: false }), true);
  });
});
