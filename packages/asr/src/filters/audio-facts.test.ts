import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isSilent, loudMs, measureAudio, partingMs } from './audio-facts.js';
import { compressionRatio } from './repetition.js';

describe('measureAudio', () => {
  test("Loud milliseconds are those near the chunk's own loud level, whatever that is", () => {
    for (const level of [0.5, 0.01]) {
      // One second of tone, one of noise floor 40 dB below, one of tone.
      const facts = measureAudio(
        Float32Array.from(
          { length: 48_000 },
          (_, i) => level * (i >= 16_000 && i < 32_000 ? 0.01 : 1) * Math.sin(i / 2),
        ),
      );
      assert.equal(facts.durationMs, 3_000);
      assert.equal(loudMs(facts, 0, 3_000), 2_000);
      assert.equal(loudMs(facts, 1_000, 2_000), 0);
      assert.equal(loudMs(facts, 1_900, 2_100), 100);
    }
  });

  test('A quiet speaker is heard beside one ten times as loud, a long pause of the loud one is not', () => {
    const level = (second: number): number => [0.5, 0.05, 0.01, 0.01][second] ?? 0;
    const facts = measureAudio(
      Float32Array.from({ length: 64_000 }, (_, i) => level(Math.floor(i / 16_000)) * Math.sin(i / 2)),
    );
    assert.ok(loudMs(facts, 1_000, 2_000) >= 480, String(loudMs(facts, 1_000, 2_000)));
    assert.equal(loudMs(facts, 2_000, 4_000), 0);
  });

  test('Audio is parted in the first pause between two times, or where it is quietest', () => {
    const facts = measureAudio(
      Float32Array.from({ length: 80_000 }, (_, i) => {
        const ms = i / 16;
        if (ms >= 1_000 && ms < 1_300) return 0;
        return (ms >= 3_000 && ms < 3_060 ? 0.2 : 0.5) * Math.sin(i / 2);
      }),
    );
    assert.ok(Math.abs(partingMs(facts, 500, 4_000) - 1_080) <= 20, String(partingMs(facts, 500, 4_000)));
    assert.ok(Math.abs(partingMs(facts, 2_000, 4_000) - 3_020) <= 20, String(partingMs(facts, 2_000, 4_000)));
  });

  test('Nothing is loud in silence, and a whisper is not silent', () => {
    const silence = measureAudio(new Float32Array(16_000));
    assert.equal(loudMs(silence, 0, 1_000), 0);
    assert.ok(isSilent(silence, -500, 1_500));
    assert.ok(
      !isSilent(measureAudio(Float32Array.from({ length: 16_000 }, (_, i) => 0.002 * Math.sin(i / 2))), 0, 1_000),
    );
  });
});

describe('compressionRatio', () => {
  test('Ordinary text stays below two, a loop goes above 2.4, no text has none', () => {
    assert.ok(compressionRatio(' And so my fellow Americans ask not what your country can do for you.') < 2);
    assert.ok(compressionRatio(' I said so.'.repeat(12)) > 2.4);
    assert.equal(compressionRatio('  '), 0);
  });
});
