import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Allowlist } from './allowlist.js';

test('A name is let through by its exact spelling, on its port or on all', () => {
  const list = Allowlist.parse('Files.internal, minio:9000');
  assert.equal(list.hasName('files.INTERNAL', 443), true);
  assert.equal(list.hasName('files.internal.', 80), true);
  assert.equal(list.hasName('minio', 9000), true);
  assert.equal(list.hasName('minio', 9001), false);
  assert.equal(list.hasName('a.files.internal', 80), false);
  assert.equal(list.hasName('files.internal.evil.example', 80), false);
});

test('An address or a network is let through, in whatever form it is written', () => {
  const list = Allowlist.parse('10.0.0.0/8,192.168.1.5,192.168.1.6:9000,fd00::/8,[fe80::1]:81,::1');
  for (const [address, port] of [
    ['10.200.0.1', 80],
    ['::ffff:10.0.0.1', 80],
    ['192.168.1.5', 5],
    ['192.168.1.6', 9000],
    ['fd12::1', 80],
    ['fe80::1', 81],
    ['::1', 443],
  ] as const) {
    assert.equal(list.hasAddress(address, port), true, address);
  }
  for (const [address, port] of [
    ['11.0.0.1', 80],
    ['192.168.1.4', 80],
    ['192.168.1.6', 80],
    ['fe80::1', 80],
    ['fe80::2', 81],
    ['localhost', 80],
  ] as const) {
    assert.equal(list.hasAddress(address, port), false, address);
  }
  assert.equal(Allowlist.parse('::ffff:10.0.0.0/104').hasAddress('10.9.9.9', 80), true);
});

test('An empty list lets nothing through', () => {
  for (const list of [Allowlist.none, Allowlist.parse(' , ')])
    assert.equal(list.hasName('x', 80) || list.hasAddress('127.0.0.1', 80), false);
});

test('An entry that is none stops the start, named by its place and not by its value', () => {
  for (const entry of [
    'http://secret.example',
    'user@secret.example',
    'secret host',
    'secret:0',
    'secret:99999',
    '10.0.0',
    '10.0.0.0/33',
    '127.1',
    '*.secret.example',
    'fe80::1:secret',
  ]) {
    assert.throws(
      () => Allowlist.parse(`fine.example,${entry}`),
      (error: Error) => /entry 2/.test(error.message) && !/secret/.test(error.message),
      entry,
    );
  }
});
