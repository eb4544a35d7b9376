import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Browser } from 'playwright-core';
import { BrowserPage } from './harness/browser-page.js';
import { NO_CHROMIUM, startChromium } from './harness/chromium.js';
import { Cluster } from './harness/cluster.js';
import { wordErrors, words } from './harness/word-errors.js';
import { samples, type Sample } from './harness/wav.js';

const skip = NO_CHROMIUM;

let cluster: Cluster;
let page: BrowserPage;
let browser: Browser;
let folder: string;
let clip: Sample;

before(async () => {
  if (skip !== false) return;
  const [first] = (await samples()).sort((a, b) => a.pcm.length - b.pcm.length);
  assert.ok(first);
  clip = first;
  folder = await mkdtemp(join(tmpdir(), 'browser-'));
  page = await BrowserPage.start();
  cluster = await Cluster.start({ relays: 1, relay: { CORS_ORIGINS: new URL(page.url).origin } });
  browser = await startChromium(folder, clip);
});

after(async () => {
  if (skip !== false) return;
  await browser.close();
  await cluster.close();
  await page.close();
  await rm(folder, { recursive: true, force: true });
});

test(
  'A page speaks into its microphone and shows the words, through the client library and the API on one port',
  { skip },
  async () => {
    const tab = await browser.newPage();
    await tab.goto(`${page.url}?api=${encodeURIComponent(cluster.url)}`);
    await tab.waitForFunction('document.getElementById("state").textContent !== "loading"');
    assert.equal(await tab.textContent('#state'), 'listening');
    await tab.waitForFunction('document.querySelectorAll("#finals li").length > 0', undefined, { timeout: 60_000 });
    await tab.evaluate('window.stop()');
    await tab.waitForFunction('document.getElementById("state").textContent !== "listening"', undefined, {
      timeout: 30_000,
    });
    assert.equal(await tab.textContent('#state'), 'closed');
    const shown = await tab.locator('#finals li').allTextContents();
    const said = words(clip.said);
    // The microphone may have begun anywhere in the loop: the whole clip is in what was shown, twice at most.
    const heard = words(shown.join(' ')).slice(0, said.length + 4);
    assert.ok(wordErrors(said, heard) <= 2 + 4, `said: ${said.join(' ')}; shown: ${shown.join(' ')}`);
    const partials = await tab.evaluate<string[]>('window.partials');
    assert.ok(partials.length > 0, 'text was shown while it was spoken');
  },
);
