import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { ROOT } from './service-process.js';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
};

/** The page: the microphone through an audio worklet into the project's client, what comes back as text on the page. */
const PAGE = `<!doctype html>
<meta charset="utf-8">
<script type="importmap">{"imports": {"@murmuration/client": "/client/index.js", "eventsource-parser": "/eventsource-parser/index.js"}}</script>
<p id="partial"></p><ol id="finals"></ol><p id="state">loading</p>
<script type="module">
  import { Murmuration } from '@murmuration/client';
  const state = document.getElementById('state');
  const finals = document.getElementById('finals');
  const partial = document.getElementById('partial');
  window.partials = [];
  async function speak() {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const context = new AudioContext({ sampleRate: 16000 });
    const worklet = 'registerProcessor("tap", class extends AudioWorkletProcessor { process([[channel]]) { if (channel) this.port.postMessage(channel.slice()); return true; } });';
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
    const tap = new AudioWorkletNode(context, 'tap');
    const live = new Murmuration({ baseUrl: new URLSearchParams(location.search).get('api') }).live({ encoding: 'pcm_s16le', sample_rate: 16000, interim_results: true });
    let sending = Promise.resolve();
    tap.port.onmessage = ({ data }) => {
      const pcm = Int16Array.from(data, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768))));
      sending = sending.then(() => live.send(pcm)).catch((error) => { state.textContent = 'error: ' + error.message; });
    };
    context.createMediaStreamSource(microphone).connect(tap);
    window.stop = async () => {
      tap.port.onmessage = null;
      await sending;
      await live.finish();
    };
    state.textContent = 'listening';
    for await (const event of live) {
      if (event.type === 'partial') { partial.textContent = event.text; window.partials.push(event.text); }
      if (event.type === 'final' && event.text !== '') finals.append(Object.assign(document.createElement('li'), { textContent: event.text }));
    }
    state.textContent = 'closed';
  }
  speak().catch((error) => { state.textContent = 'error: ' + error.message; });
</script>`;

/** Serves the page and the built client library to a browser on this machine. */
export class BrowserPage {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  }

  static async start(): Promise<BrowserPage> {
    const folders: Readonly<Record<string, string>> = {
      client: join(ROOT, 'packages', 'client', 'dist'),
      'eventsource-parser': join(ROOT, 'node_modules', 'eventsource-parser', 'dist'),
    };
    const server = createServer((request, response) => {
      const [, folder = '', ...rest] = normalize(new URL(request.url ?? '/', 'http://page').pathname).split('/');
      const base = folders[folder];
      if (base === undefined) {
        response.writeHead(folder === '' ? 200 : 404, { 'content-type': 'text/html' }).end(folder === '' ? PAGE : '');
        return;
      }
      const file = join(base, ...rest);
      readFile(file).then(
        (body) => {
          response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body);
        },
        () => {
          response.writeHead(404).end();
        },
      );
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return new BrowserPage(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
