import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Cluster } from '../harness/cluster.js';
import { median, printFigures, type Figure } from '../harness/figures.js';
import { joined, samples, wavFile } from '../harness/wav.js';

/*
 * What tracing costs: two clusters on one machine, one with tracing to a receiver that throws away what comes, work in turns, a round each, and each
 * round's time with is compared with the same round's time without. With the model, and with a simulated device that leaves the time to everything else.
 */

const CLIENTS = 4;
const ROUNDS = 15;

interface Kind {
  readonly name: string;
  readonly worker: Readonly<Record<string, string>>;
  readonly requests: number;
}

const KINDS: readonly Kind[] = [
  { name: 'Moonshine tiny', worker: {}, requests: 12 },
  { name: 'simulated device', worker: { DEVICE: 'simulated' }, requests: 60 },
];

/** Seconds for so many recordings, transcribed over HTTP. */
async function round({ url }: Cluster, file: Buffer, requests: number): Promise<number> {
  let left = requests;
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) {
        const body = new FormData();
        body.append('file', new Blob([new Uint8Array(file)]), 'a.wav');
        const answer = await fetch(`${url}/transcribe`, { method: 'POST', body });
        await answer.arrayBuffer();
        if (answer.status !== 200) throw new Error(`refused with ${String(answer.status)}`);
      }
    }),
  );
  return (performance.now() - startedMs) / 1_000;
}

async function cost({ name, worker, requests }: Kind, file: Buffer, seconds: number): Promise<Figure[]> {
  let received = 0;
  const sink = createServer((request, response) => {
    request.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    request.on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => {
    sink.listen(0, '127.0.0.1', resolve);
  });
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${String((sink.address() as AddressInfo).port)}` };
  const off = await Cluster.start({ worker });
  const on = await Cluster.start({ api: traced, worker: { ...worker, ...traced } });
  for (const cluster of [off, on]) await round(cluster, file, requests);
  const ratios: number[] = [];
  const speeds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const order = i % 2 === 0 ? [off, on] : [on, off];
    const times = new Map<Cluster, number>();
    for (const cluster of order) times.set(cluster, await round(cluster, file, requests));
    const without = times.get(off) ?? 0;
    ratios.push((times.get(on) ?? 0) / without);
    speeds.push((requests * seconds) / without);
  }
  await off.close();
  await on.close();
  sink.closeAllConnections();
  sink.close();
  const sorted = [...ratios].sort((a, b) => a - b);
  const quarter = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(3);
  return [
    {
      name: `${name}: time with tracing over time without, median`,
      value: median(ratios),
      unit: 'ratio',
      note: `${String(ROUNDS)} rounds of ${String(requests)} recordings of ${seconds.toFixed(0)} s, half of them from ${quarter(0.25)} to ${quarter(0.75)}`,
    },
    { name: `${name}: speed without tracing, median`, value: median(speeds), unit: 'times real time' },
    { name: `${name}: bytes of traces a recording`, value: received / ((ROUNDS + 1) * requests), unit: 'bytes' },
  ];
}

const pcm = joined(
  (await samples()).map((clip) => clip.pcm),
  700,
);
const figures: Figure[] = [];
for (const kind of KINDS) figures.push(...(await cost(kind, wavFile(pcm), pcm.length / 16_000)));
printFigures('tracing', figures);
