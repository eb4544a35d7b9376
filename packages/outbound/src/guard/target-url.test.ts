import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOwnAddress, isPublicAddress } from './target-url.js';

test('Addresses of the public network are public, also inside IPv6', () => {
  for (const address of [
    '1.1.1.1',
    '93.184.216.34',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
  ]) {
    assert.equal(isPublicAddress(address), true, address);
  }
});

test('Private, loopback, link-local, metadata, carrier-grade NAT, multicast and reserved addresses are not', () => {
  const refused = [
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.0.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'fec0::1',
    'ff02::1',
    '100::1',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    '2001::1',
    '2002:a00:1::',
  ];
  for (const address of refused) assert.equal(isPublicAddress(address), false, address);
});

test('A private IPv4 address inside an IPv6 one, in any of the known ways, is not', () => {
  for (const address of [
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '::10.0.0.1',
    '::a00:1',
    '::ffff:0:a00:1',
    '64:ff9b::a00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
});

test('What is no address is not public', () => {
  for (const address of ['', 'localhost', '1.1.1.1.1', '::g', '1.1.1.1/8'])
    assert.equal(isPublicAddress(address), false, address);
});

test('An address of the machine itself is its own, in any form, and no other is', () => {
  const of = (address: string) => ({
    eth0: [{ address, netmask: '', family: 'IPv4' as const, mac: '', internal: false, cidr: null }],
  });
  for (const address of ['8.8.4.4', '::ffff:8.8.4.4', '64:ff9b::808:404'])
    assert.equal(isOwnAddress(address, of('8.8.4.4')), true, address);
  assert.equal(isOwnAddress('2606:4700:0::1111', of('2606:4700::1111')), true);
  for (const address of ['8.8.8.8', 'localhost', ''])
    assert.equal(isOwnAddress(address, of('8.8.4.4')), false, address);
  assert.equal(isOwnAddress('127.0.0.1'), true);
});
