import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import { type Browser, type BrowserContext, type Page, type Response } from 'playwright-core';
import { createKey } from '@murmuration/access';
import { createLogger } from '@murmuration/runtime';
import { patientConnection } from '@murmuration/store';
import { NO_CHROMIUM, startChromium } from './harness/chromium.js';
import { Cluster } from './harness/cluster.js';
import { samples, wavFile, type Sample } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

const skip = NO_CHROMIUM;
/** Where pictures for the documentation go, when they are wanted. */
const PICTURES = process.env['CONSOLE_PICTURES'];
const SCRIPT_BUDGET_BYTES = 200_000;
/** Markup and a mark that turns the direction of writing: both are text, whatever they look like. */
const ODD_NAME = '<img src=x onerror=alert(1)>\u202Egnp.txt';

let cluster: Cluster;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let folder: string;
let key: string;
let clips: readonly Sample[];
const responses: Response[] = [];
const complaints: string[] = [];

before(async () => {
  if (skip !== false) return;
  clips = (await samples()).sort((a, b) => a.pcm.length - b.pcm.length).slice(0, 2);
  const [clip] = clips;
  assert.ok(clip);
  folder = await mkdtemp(join(tmpdir(), 'console-'));
  const keys = join(folder, 'keys.json');
  key = (await createKey(keys, { name: 'operator', scopes: ['transcribe', 'jobs', 'read', 'admin'] })).key;
  cluster = await Cluster.start({ relays: 1, api: { API_KEYS_FILE: keys }, relay: { API_KEYS_FILE: keys } });
  browser = await startChromium(folder, clip);
  context = await browser.newContext({ locale: 'en-GB', acceptDownloads: true });
  page = await context.newPage();
  watch(page);
});

after(async () => {
  if (skip !== false) return;
  await browser.close();
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

function watch(one: Page): void {
  one.on('response', (response) => responses.push(response));
  one.on('pageerror', (error) => complaints.push(String(error)));
  one.on('console', (message) => {
    // A refusal that the page shows is written by the browser too.
    const isRefusal = /^Failed to load resource: .* status of (?:401|404|422) /.test(message.text());
    // axe measures with a style of its own.
    const isFromAxe = /^Applying inline style/.test(message.text()) && !message.location().url.includes('/assets/');
    if (isFromAxe) return;
    if ((message.type() === 'error' || message.type() === 'warning') && !isRefusal) complaints.push(message.text());
  });
}

/** What axe finds serious or critical. */
async function barriers(one: Page): Promise<string[]> {
  await one.evaluate(axe.source);
  return one.evaluate<string[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 200) + ' ' + failureSummary).join('; ')))`,
  );
}

/** Looks at the view in both appearances and on a phone: no barrier, nothing wider than the screen. */
async function looksRight(name: string, one = page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await one.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [device, width, height] of [
      ['desktop', 1280, 900],
      ['phone', 390, 844],
    ] as const) {
      await one.setViewportSize({ width, height });
      const wide = await one.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      assert.ok(wide <= 0, `${name} is ${String(wide)} px wider than a ${device}`);
      if (PICTURES !== undefined)
        await one.screenshot({ path: join(PICTURES, `${name}-${device}-${colorScheme}.png`), fullPage: false });
    }
    assert.deepEqual(await barriers(one), [], `${name}, ${colorScheme}`);
  }
  await one.emulateMedia({ colorScheme: 'light' });
  await one.setViewportSize({ width: 1280, height: 900 });
}

async function saved(press: () => Promise<void>): Promise<{ name: string; content: Buffer }> {
  const downloading = page.waitForEvent('download');
  await press();
  const download = await downloading;
  return { name: download.suggestedFilename(), content: await readFile(await download.path()) };
}

test(
  'The page is small, keeps to a strict policy, asks no other host, and asks for a key where one is needed',
  { skip },
  async () => {
    const opened = await page.goto(cluster.url);
    assert.equal(opened?.status(), 200);
    assert.match(
      opened.headers()['content-security-policy'] ?? '',
      /default-src 'none'; script-src 'self'; style-src 'self' 'nonce-/,
    );
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Transcribe', level: 1 }).waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const scripts = responses.filter((response) => response.url().endsWith('.js'));
    assert.ok(scripts.length > 0);
    let bytes = 0;
    for (const script of scripts) {
      assert.equal(script.headers()['content-encoding'], 'gzip');
      assert.match(script.headers()['cache-control'] ?? '', /immutable/);
      bytes += (await script.request().sizes()).responseBodySize;
    }
    assert.ok(bytes < SCRIPT_BUDGET_BYTES, `${String(bytes)} bytes of packed script`);
    await looksRight('empty');
  },
);

test(
  'Dropped recordings become text, what is no recording gets a sentence, and names stay text',
  { skip },
  async () => {
    const [first, second] = clips;
    assert.ok(first && second);
    await page.getByTestId('files').setInputFiles([
      { name: 'first.wav', mimeType: 'audio/wav', buffer: wavFile(first.pcm) },
      { name: 'second.wav', mimeType: 'audio/wav', buffer: wavFile(second.pcm) },
      { name: ODD_NAME, mimeType: 'audio/wav', buffer: Buffer.from('This is no audio at all.') },
    ]);
    await page.getByText('3 of 3 done').waitFor({ timeout: 60_000 });
    assert.equal(await page.getByRole('link', { name: 'Open transcript' }).count(), 2);
    await page.getByText('This file holds no audio that can be read.').waitFor();
    assert.equal(await page.locator('img').count(), 0);
    await page.getByText('<img src=x onerror=alert(1)>[U+202E]gnp.txt').waitFor();
    await looksRight('transcribe');
  },
);

test('A transcript is heard, mended by keyboard with undo, searched and exported', { skip }, async () => {
  await page.getByRole('link', { name: 'Open transcript' }).first().click();
  await page.getByRole('heading', { name: 'first.wav' }).waitFor();
  const segments = page.getByTestId('segment');
  const [clip] = clips;
  assert.ok(clip);
  const shown = words((await page.locator('[data-word]').allTextContents()).join(' '));
  assert.ok(wordErrors(words(clip.said), shown) <= 2, shown.join(' '));

  await page.locator('[data-word]').nth(1).click();
  await page.waitForFunction(
    'document.querySelector("audio").currentTime > 0.1 && !document.querySelector("audio").paused',
  );
  await page.evaluate('document.querySelector("audio").pause()');
  await page.locator('[data-testid="wave"] > div').waitFor();

  await segments.first().focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Mended <i>text</i> & more');
  await page.keyboard.press('Enter');
  await page.getByText('Mended <i>text</i> & more').waitFor();
  await page.keyboard.press('Control+z');
  await page.getByText('Mended <i>text</i> & more').waitFor({ state: 'detached' });
  await page.keyboard.press('Control+Shift+z');
  await page.getByText('Mended <i>text</i> & more').waitFor();
  await page.getByLabel('Find', { exact: true }).fill('mended');
  await page.getByText('1 found').waitFor();
  await page.getByLabel('Replace with').fill('Corrected');
  await page.getByRole('button', { name: 'Replace all' }).click();
  await page.getByText('Corrected <i>text</i> & more').waitFor();
  await page.getByLabel('Find', { exact: true }).fill('');

  const srt = await saved(() => page.getByRole('button', { name: 'srt', exact: true }).click());
  assert.equal(srt.name, 'first.srt');
  assert.match(srt.content.toString(), /^1\n00:00:0\d,\d{3} --> 00:00:\d\d,\d{3}\n[^]*Corrected/);
  const txt = await saved(() => page.getByRole('button', { name: 'txt', exact: true }).click());
  assert.match(txt.content.toString(), /^Corrected <i>text<\/i> & more/);
  const docx = await saved(() => page.getByRole('button', { name: 'docx' }).click());
  assert.equal(docx.content.subarray(0, 2).toString(), 'PK');
  assert.ok(docx.content.includes('word/document.xml'));
  const json = await saved(() => page.getByRole('button', { name: 'json' }).click());
  assert.match((JSON.parse(json.content.toString()) as { text: string }).text, /^Corrected/);
  await looksRight('transcript');

  await page.getByText('What you change stays in this browser').waitFor();
  await page.reload();
  await page.getByText('Corrected <i>text</i> & more').waitFor();
});

test('Jobs are listed and filtered; one tells all about itself and is deleted after a question', { skip }, async () => {
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  await page.getByLabel('Status').selectOption('done');
  await page.getByRole('link', { name: 'second.wav' }).waitFor();
  await looksRight('jobs');
  await page.getByLabel('Status').selectOption('queued');
  await page.getByText('No jobs here.').waitFor();
  await page.getByLabel('Status').selectOption('');
  await page.getByRole('link', { name: 'second.wav' }).click();
  await page.getByText('This job has no webhook.').waitFor();
  await looksRight('job');
  await page.getByRole('button', { name: 'Delete job' }).click();
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('button', { name: 'Delete job' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Its text has been deleted.').waitFor();
});

test('Live speech is shown while it is spoken, to viewers too; it pauses and ends', { skip }, async () => {
  await page.getByRole('link', { name: 'Live', exact: true }).click();
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByTestId('partial').first().waitFor({ timeout: 60_000 });
  const viewer = await context.newPage();
  watch(viewer);
  await viewer.addInitScript(`sessionStorage.setItem('murmuration.key', ${JSON.stringify(key)})`);
  await viewer.goto(await page.getByLabel('Link for viewers').inputValue());
  await page.getByTestId('final').first().waitFor({ timeout: 60_000 });
  await viewer.getByTestId('final').first().waitFor({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused: nothing you say is sent').waitFor();
  await looksRight('live');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.locator('[data-testid="live-state"][data-state="closed"]').waitFor({ timeout: 30_000 });
  const said = words(clips[0]?.said ?? '');
  const heard = words((await page.getByTestId('final').allTextContents()).join(' ').replace(/\d+:\d\d/g, '')).slice(
    0,
    said.length + 4,
  );
  assert.ok(wordErrors(said, heard) <= 2 + 4, heard.join(' '));
  await viewer.getByText('The session has ended.').waitFor({ timeout: 30_000 });
  await viewer.close();
});

test('The cluster shows its workers, and figures over time', { skip }, async () => {
  await page.getByRole('link', { name: 'Cluster', exact: true }).click();
  await page.getByRole('cell', { name: 'moonshine-tiny' }).waitFor();
  await page.getByRole('cell', { name: '/v1/jobs', exact: true }).waitFor();
  await page.locator('.u-over').first().waitFor();
  await looksRight('cluster');
});

test('Keys are made, shown once, replaced and revoked', { skip }, async () => {
  await page.getByRole('link', { name: 'Keys', exact: true }).click();
  await page.getByLabel('Name').fill('acme');
  await page.getByLabel('Hours of audio a month').fill('10');
  await page.getByRole('button', { name: 'Make a key' }).click();
  const made = await page.getByTestId('new-key').textContent();
  assert.match(made ?? '', /^murm_/);
  const usage = page.getByTestId('usage');
  await usage.filter({ hasText: /This month: 0 min of 10 hr · recordings: 0, live sessions: 0/ }).waitFor();
  await usage
    .filter({ hasText: /This month: (?:0\.[1-9]|[1-9][\d.]*) min · recordings: [1-9]\d*, live sessions: 1/ })
    .waitFor();
  await looksRight('keys');
  await page.getByRole('button', { name: 'Replace acme' }).click();
  await page.getByTestId('key').filter({ hasText: 'revoked' }).waitFor();
  assert.notEqual(await page.getByTestId('new-key').textContent(), made);
  assert.equal(await usage.filter({ hasText: 'of 10 hr' }).count(), 2);
  await page.getByRole('button', { name: 'Revoke acme' }).click();
  await page.getByRole('button', { name: 'Revoke acme' }).waitFor({ state: 'detached' });
});

/** The console in a context of its own, whose complaints are not collected. */
async function opened(url: string, withKey: string, path = '', within = browser): Promise<Page> {
  const own = await within.newContext({ locale: 'en-GB' });
  await own.addInitScript(`sessionStorage.setItem('murmuration.key', ${JSON.stringify(withKey)})`);
  const one = await own.newPage();
  await one.goto(`${url}/${path}`);
  return one;
}

async function drop(one: Page): Promise<void> {
  await one
    .getByTestId('files')
    .setInputFiles([{ name: 'clip.wav', mimeType: 'audio/wav', buffer: wavFile(clips[0]?.pcm ?? new Int16Array(0)) }]);
}

test('A key without the right is told which one is needed', { skip }, async () => {
  const { key: reader } = await createKey(join(folder, 'keys.json'), { name: 'reader', scopes: ['read'] });
  const one = await opened(cluster.url, reader);
  await drop(one);
  await one.getByText(/^The API key may not do this\. Use a key that has the scope jobs\.$/).waitFor();
  await one.context().close();
});

test(
  'A full queue and a server that goes away are told with the time until the next attempt, and the recording gets through',
  { skip },
  async () => {
    const node = await cluster.addApi();
    const one = await opened(`http://127.0.0.1:${String(node.port)}`, key);
    const redis = patientConnection(cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
    try {
      await redis.config('SET', 'maxmemory', '1mb');
      await drop(one);
      await one.getByText(/sent again in \d+ s/).waitFor();
      await one.getByText(/The server is full right now/).waitFor();
      await redis.config('SET', 'maxmemory', '0');
      await one.getByText('1 of 1 done').waitFor();

      await node.process.end('SIGKILL');
      await drop(one);
      await one.getByText('The server cannot be reached. Is it running, and is this device online?').waitFor();
      await one.getByText(/sent again in \d+ s/).waitFor();
      await cluster.addApi(node.port);
      await one.getByText('2 of 2 done').waitFor();
    } finally {
      await redis.quit();
      await one.context().close();
    }
  },
);

test('A microphone that is denied is told, with the way to allow it, which works', { skip }, async () => {
  const [clip] = clips;
  assert.ok(clip);
  const asking = await startChromium(folder, clip, { asks: true });
  try {
    const one = await opened(cluster.url, key, '#/live', asking);
    await one.getByRole('button', { name: 'Start' }).click();
    await one.getByText(/The microphone is not allowed for this page\. Allow it in the browser/).waitFor();
    await one.context().grantPermissions(['microphone']);
    await one.getByRole('button', { name: 'New session' }).click();
    await one.getByTestId('partial').first().waitFor({ timeout: 60_000 });
  } finally {
    await asking.close();
  }
});

test('A live session goes on when its relay has died and another is there', { skip }, async () => {
  const one = await opened(cluster.url, key, '#/live');
  const [relay] = cluster.relays;
  assert.ok(relay);
  await one.getByRole('button', { name: 'Start' }).click();
  await one.getByTestId('final').first().waitFor({ timeout: 60_000 });
  await relay.process.end('SIGKILL');
  await one.getByText('Connection lost. What you say is kept and sent once it is back.').waitFor();
  const before = await one.getByTestId('final').count();
  await cluster.addRelay(relay);
  await one.getByTestId('final').nth(before).waitFor({ timeout: 60_000 });
  await one.getByRole('button', { name: 'Stop' }).click();
  await one.locator('[data-testid="live-state"][data-state="closed"]').waitFor({ timeout: 30_000 });
  // The microphone says the clip again and again: of what was said while no relay was there nothing is lost.
  const said = words(clips[0]?.said ?? '');
  const heard = words((await one.getByTestId('final').allTextContents()).join(' ').replace(/\d+:\d\d/g, ''));
  const rounds = Math.floor(heard.length / said.length);
  assert.ok(rounds >= 2, heard.join(' '));
  const expected = Array.from({ length: rounds }, () => said).flat();
  assert.ok(wordErrors(expected, heard.slice(0, expected.length)) <= 2 * rounds + 4, heard.join(' '));
  await one.context().close();
});

test('Everything is there in German', { skip }, async () => {
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Language').selectOption('de');
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Transkribieren' }).click();
  await page.getByRole('heading', { name: 'Transkribieren', level: 1 }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
});

test('No page complained, and none asked another host', { skip }, () => {
  assert.deepEqual(complaints, []);
  const hosts = new Set(
    responses
      .map((response) => new URL(response.url()))
      .filter(({ protocol }) => protocol !== 'blob:')
      .map(({ host }) => host),
  );
  assert.deepEqual([...hosts], [new URL(cluster.url).host]);
});
