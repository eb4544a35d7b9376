import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packPcm, unpackPcm } from './pcm-packet.js';

/** A voice-like tone with a little noise, the same every time. */
function tone(samples: number): Buffer {
  const pcm = Buffer.alloc(samples * 2);
  let noise = 1;
  for (let i = 0; i < samples; i++) {
    noise = (noise * 48_271) % 2_147_483_647;
    pcm.writeInt16LE(Math.round(3_000 * Math.sin(i / 20) + 2_000 * Math.sin(i / 7) + (noise % 64)), i * 2);
  }
  return pcm;
}

function noise(bytes: number): Buffer {
  let state = 7;
  return Buffer.from(Array.from({ length: bytes }, () => ((state = (state * 48_271) % 2_147_483_647) >> 8) & 255));
}

test('What is packed comes back to the bit: speech-like, silence, extremes, noise, nothing, odd lengths and views', async () => {
  const extremes = new Int16Array([-32_768, 32_767, -32_768, 32_767, 0, 1, -1, 32_767, 32_767, -32_768]);
  const odd = Buffer.concat([Buffer.of(9), tone(1_000)]).subarray(1);
  for (const pcm of [
    tone(16_000),
    Buffer.alloc(32_000),
    new Uint8Array(extremes.buffer),
    noise(32_000),
    Buffer.alloc(0),
    Buffer.alloc(2),
    noise(333),
    odd,
    new Uint8Array(tone(500)).subarray(100, 700),
  ]) {
    for (const compress of [false, true])
      assert.deepEqual(await unpackPcm(await packPcm(pcm, compress)), Buffer.from(pcm));
  }
});

test('Speech-like sound and silence shrink; noise does not grow by more than the header', async () => {
  assert.ok((await packPcm(tone(16_000), true)).length < 32_000 / 1.5);
  assert.ok((await packPcm(Buffer.alloc(32_000), true)).length < 1_000);
  assert.equal((await packPcm(noise(32_000), true)).length, 32_008);
  assert.equal((await packPcm(tone(16_000), false)).length, 32_008);
});

test('A damaged packet is refused, and never unfolds beyond the length it tells', async () => {
  const packet = await packPcm(tone(16_000), true);
  const told = (change: (copy: Buffer) => Buffer): Buffer => change(Buffer.from(packet));
  const damaged = [
    Buffer.alloc(0),
    packet.subarray(0, 7),
    packet.subarray(0, 500),
    told((copy) => {
      copy[0] = 7;
      return copy;
    }),
    told((copy) => {
      copy.writeUInt32LE(31_998, 4);
      return copy;
    }),
    told((copy) => {
      copy.writeUInt32LE(32_002, 4);
      return copy;
    }),
    told((copy) => {
      copy.writeUInt32LE(0xffff_ffff, 4);
      return copy;
    }),
    told((copy) => {
      copy.fill(0xff, 8, 200);
      return copy;
    }),
    (await packPcm(tone(10), false)).subarray(0, 20),
  ];
  for (const [index, bad] of damaged.entries())
    await assert.rejects(unpackPcm(bad), /stored audio is damaged/, `case ${String(index)}`);
});
