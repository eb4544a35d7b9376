import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WITHOUT_FFMPEG, encodedTwin, voice, wavFile } from '../decode/testing/encoded-twins.js';
import { ContainerLiveDecoder } from './container-live-decoder.js';

test(
  'A hole in a live container is silence of its length, a late start and a hole of minutes are not',
  { skip: WITHOUT_FFMPEG },
  async () => {
    const wav = wavFile(voice(4, 48_000, 1), 48_000);
    const secondsOf = async (argv: string[], extension: string, input: string[] = []): Promise<number> => {
      const bytes = encodedTwin(wav, ['-c:a', 'libopus', ...argv], extension, input);
      const decoder = new ContainerLiveDecoder();
      let samples = 0;
      for (let at = 0; at < bytes.length; at += 777)
        samples += (await decoder.push(bytes.subarray(at, at + 777))).samples.length;
      return (samples + (await decoder.finish()).samples.length) / 16_000;
    };
    const hole = (seconds: number): string[] => ['-af', `asetpts='if(gte(T,2),PTS+${String(seconds)}/TB,PTS)'`];
    for (const extension of ['webm', 'ogg']) {
      assert.ok(Math.abs((await secondsOf(hole(6), extension)) - 10) < 0.1);
      assert.ok(Math.abs((await secondsOf([], extension, ['-itsoffset', '5'])) - 4) < 0.1);
      assert.ok(Math.abs((await secondsOf(hole(300), extension)) - 4) < 0.1);
    }
  },
);
