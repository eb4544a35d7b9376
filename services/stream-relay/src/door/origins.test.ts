import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { originAllowed, type OriginRules } from './origins.js';

const unlisted: OriginRules = { allowed: [], open: true };

describe('Origins of web pages', () => {
  test('A program, which sends no origin, is not kept out.', () => {
    assert.equal(originAllowed(undefined, 'relay:8765', { allowed: ['https://app.example'], open: true }), true);
  });

  test('Where origins are listed, those and no others may.', () => {
    const rules: OriginRules = { allowed: ['https://app.example'], open: true };
    assert.equal(originAllowed('https://app.example', 'relay', rules), true);
    for (const origin of ['http://app.example', 'https://app.example.evil.example', 'https://app.example:8443', 'http://localhost:3000', 'null']) assert.equal(originAllowed(origin, 'relay', rules), false, origin);
    assert.equal(originAllowed('https://anything.example', 'relay', { allowed: ['*'], open: true }), true);
  });

  test('Without a list, pages of this machine may, and those of strangers may not.', () => {
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:8000', 'http://[::1]:8000', 'https://app.localhost']) assert.equal(originAllowed(origin, '127.0.0.1:8765', unlisted), true, origin);
    for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'http://127.evil.example', 'null', 'garbage', 'file://']) assert.equal(originAllowed(origin, '127.0.0.1:8765', unlisted), false, origin);
  });

  test('A page from the very host of the socket may; by name only where keys are asked for, since a name can be made to point here.', () => {
    assert.equal(originAllowed('http://10.0.0.7:8000', '10.0.0.7:8765', unlisted), true);
    assert.equal(originAllowed('http://10.0.0.8:8000', '10.0.0.7:8765', unlisted), false);
    assert.equal(originAllowed('https://asr.example', 'asr.example', unlisted), false);
    assert.equal(originAllowed('https://asr.example', 'asr.example', { allowed: [], open: false }), true);
  });
});
