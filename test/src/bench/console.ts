import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startChromium } from '../harness/chromium.js';
import { Cluster } from '../harness/cluster.js';
import { median, printFigures, type Figure } from '../harness/figures.js';
import { pausesDuring } from '../harness/page-pauses.js';
import { samples, wavFile } from '../harness/wav.js';

/*
 * The console in Chromium: when its first page can be used, and how long its thread is held up at most while a transcript of two hours is scrolled and
 * mended, and while 200 recordings are sent. With a real API, queue and worker (of a simulated device); the long transcript is made up.
 * `processor` is the time that a task took of its core: on a machine that does other things the clock tells more of those.
 */

const OPENINGS = 9;
const FILES = 200;
const SEGMENTS = 2_400;
const SEGMENT_SECONDS = 3;
const WORDS = 9;

/** Milliseconds from the navigation to a page that takes files, with nothing kept from before; and processor time up to then. */
async function opening(browser: Browser, url: string): Promise<{ usableMs: number; processorMs: number }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(`new MutationObserver((_, observer) => {
    if (document.querySelector('[data-testid="files"]') === null) return;
    observer.disconnect();
    // The frame after the next one begins when the first is drawn.
    requestAnimationFrame(() => setTimeout(() => { window.usableMs = performance.now(); }));
  }).observe(document, { childList: true, subtree: true });`);
  const { processorMs } = await pausesDuring(browser, page, async () => {
    await page.goto(url);
    await page.waitForFunction('window.usableMs !== undefined');
  });
  const usableMs = await page.evaluate<number>('window.usableMs');
  await context.close();
  return { usableMs, processorMs };
}

/** Two hours, a segment each three seconds, with times and certainties of words. */
function longTranscript(id: string, said: readonly string[]): object {
  const segments = Array.from({ length: SEGMENTS }, (_, n) => {
    const words = Array.from({ length: WORDS }, (_, i) => ({
      word: `${i === 0 ? '' : ' '}${said[(n * WORDS + i) % said.length] ?? ''}`,
      start: n * SEGMENT_SECONDS + i / 3,
      end: n * SEGMENT_SECONDS + (i + 0.9) / 3,
      probability: (n + i) % 17 === 0 ? 0.3 : 0.95,
    }));
    const text = words.map(({ word }) => word).join('');
    const start = n * SEGMENT_SECONDS;
    return { id: n, start, end: start + SEGMENT_SECONDS, text, confidence: 0.9, channel: 0, words };
  });
  return {
    id,
    text: segments.map(({ text }) => text).join(' '),
    segments,
    duration: SEGMENTS * SEGMENT_SECONDS,
    language: 'en',
    language_probability: 1,
    model: 'moonshine-tiny',
    task: 'transcribe',
    channels: 1,
    timings: { queue: 0, inference: 0, decode: 0, detect: 0, total: 0 },
    filtered: [],
    accounting: { speech: SEGMENTS * SEGMENT_SECONDS, non_speech: 0, skipped: [] },
    warnings: [],
  };
}

/** What people do with a transcript, each step by itself. */
function steps(page: Page): Readonly<Record<string, () => Promise<void>>> {
  const list = page.locator('[data-testid="segment"]').first();
  const find = page.getByLabel('Find', { exact: true });
  const wheel = async (turns: number, by: number): Promise<void> => {
    for (let i = 0; i < turns; i++) await page.mouse.wheel(0, by);
    await page.waitForTimeout(300);
  };
  return {
    scrolled: async () => {
      await list.hover();
      await wheel(60, 400);
      if ((await list.getAttribute('data-index')) === '0') throw new Error('the list did not move');
    },
    'scrolled far': async () => {
      await wheel(20, 8_000);
      await wheel(20, -8_000);
    },
    'walked by keyboard': async () => {
      await page.getByTestId('segment').first().focus();
      await page.keyboard.press('End');
      for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Home');
      await page.waitForTimeout(300);
    },
    'a segment mended': async () => {
      await page.getByTestId('segment').first().focus();
      await page.keyboard.press('Enter');
      await page.locator('textarea').waitFor();
      await page.keyboard.press('End');
      await page.keyboard.type(' and more');
      await page.keyboard.press('Enter');
      await page.locator('textarea').waitFor({ state: 'detached' });
    },
    searched: async () => {
      await find.focus();
      await page.keyboard.type('the');
      await page.waitForTimeout(300);
    },
    'all replaced, undone, redone': async () => {
      await page.getByLabel('Replace with').fill('that');
      await page.getByRole('button', { name: 'Replace all' }).click();
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByRole('button', { name: 'Redo' }).click();
      await page.waitForTimeout(300);
    },
  };
}

const folder = await mkdtemp(join(tmpdir(), 'console-bench-'));
const clips = [...(await samples())].sort((a, b) => a.pcm.length - b.pcm.length);
const [clip] = clips;
if (clip === undefined) throw new Error('no samples');
const cluster = await Cluster.start({ worker: { DEVICE: 'simulated' }, wholeMachine: true });
const browser = await startChromium(folder, clip);
const figures: Figure[] = [];
const add = (name: string, value: number, note: string): void => {
  figures.push({ name, value, unit: 'ms', note });
};
try {
  const openings: Awaited<ReturnType<typeof opening>>[] = [];
  for (let i = 0; i <= OPENINGS; i++) openings.push(await opening(browser, cluster.url));
  const opened = openings.slice(1);
  add(
    'first page usable, median',
    median(opened.map(({ usableMs }) => usableMs)),
    `${String(OPENINGS)} openings without a cache`,
  );
  add('first page, processor', median(opened.map(({ processorMs }) => processorMs)), "of the page's thread");

  const page = await (await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 } })).newPage();
  const measured = async (name: string, work: () => Promise<void>): Promise<void> => {
    const pauses = await pausesDuring(browser, page, work);
    add(`${name}: longest pause`, pauses.longestMs, `processor ${pauses.longestProcessorMs.toFixed(0)} ms`);
  };
  const id = '00000000-0000-4000-8000-000000000000';
  const said = clips.flatMap((one) => one.said.split(' '));
  const body = JSON.stringify(longTranscript(id, said));
  await page.route(`**/v1/jobs/${id}/transcript.json*`, (route) =>
    route.fulfill({ body, contentType: 'application/json' }),
  );
  await page.route(`**/v1/jobs/${id}`, (route) => route.fulfill({ status: 404, body: '{}' }));
  await page.goto(cluster.url);
  await page.getByTestId('files').waitFor({ state: 'attached' });
  await measured('transcript opened', async () => {
    await page.goto(`${cluster.url}/#/transcript/${id}`);
    await page.getByTestId('segment').first().waitFor();
    await page.waitForTimeout(300);
  });
  for (const [name, step] of Object.entries(steps(page))) await measured(`transcript ${name}`, step);

  const path = join(folder, 'recording.wav');
  await writeFile(path, wavFile(clip.pcm));
  const paths = await Promise.all(
    Array.from({ length: FILES }, async (_, n) => {
      const one = join(folder, `recording-${String(n)}.wav`);
      await writeFile(one, wavFile(clip.pcm));
      return one;
    }),
  );
  await page.goto(`${cluster.url}/#/transcribe`);
  await page.getByTestId('files').waitFor({ state: 'attached' });
  await measured(`${String(FILES)} recordings, until all are done`, async () => {
    await page.getByTestId('files').setInputFiles(paths);
    await page.getByText(`${String(FILES)} of ${String(FILES)} done`).waitFor({ timeout: 300_000 });
  });
} finally {
  await browser.close();
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
}
printFigures('console', figures);
