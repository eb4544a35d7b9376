import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { joined, wavFile, type Sample } from './wav.js';

const PROGRAM = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/homebrew/bin/chromium',
].find((path) => existsSync(path));

/** Why a test that needs a browser cannot run, or false. */
export const NO_CHROMIUM = PROGRAM === undefined ? 'chromium is not installed on this machine' : false;

/**
 * A browser whose microphone speaks a clip after half a second of silence, again and again.
 * @param folder where the sound is kept
 * @param options.asks deny the microphone to pages that were not granted it, as a person may; default: every page gets it
 */
export async function startChromium(folder: string, { pcm }: Sample, { asks = false } = {}): Promise<Browser> {
  if (PROGRAM === undefined) throw new Error('chromium is not installed on this machine');
  const speech = join(folder, 'speech.wav');
  await writeFile(speech, wavFile(joined([new Int16Array(8_000), pcm], 2_500)));
  return chromium.launch({
    executablePath: PROGRAM,
    args: [
      '--no-sandbox',
      ...(asks ? [] : ['--use-fake-ui-for-media-stream']),
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${speech}`,
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}
