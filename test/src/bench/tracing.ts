import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Cluster } from '../harness/cluster.js';
import { median, percentile, printFigures, type Figure } from '../harness/figures.js';
import { joined, samples, wavFile } from '../harness/wav.js';

/*
 * What tracing costs: two clusters on one machine, one with tracing to a receiver that throws away what comes, work in turns, a round each, and each
 * round with is compared with the same round without: by the clock, and by the processor time of the API node and the worker, which other work on the
 * machine hardly changes. With the model, and with a simulated device that leaves the time to everything else. Linux only.
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

/** Kernel's ticks a second, as `/proc` counts them. */
const TICKS = 100;

/** Processor time that the API node and the worker have used, seconds. */
function usedSeconds({ api, workers }: Cluster): number {
  const ticks = [api, ...workers].map(({ pid }) => {
    const fields =
      readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS;
}

interface Spent {
  readonly clock: number;
  readonly processor: number;
}

/** Seconds for so many recordings, transcribed over HTTP. */
async function round(cluster: Cluster, file: Buffer, requests: number): Promise<Spent> {
  const { url } = cluster;
  const before = usedSeconds(cluster);
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
  return { clock: (performance.now() - startedMs) / 1_000, processor: usedSeconds(cluster) - before };
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
  const ratios: Spent[] = [];
  const speeds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const first = i % 2 === 0 ? off : on;
    const one = await round(first, file, requests);
    const other = await round(first === off ? on : off, file, requests);
    const [without, withIt] = first === off ? [one, other] : [other, one];
    ratios.push({ clock: withIt.clock / without.clock, processor: withIt.processor / without.processor });
    speeds.push((requests * seconds) / without.clock);
  }
  await off.close();
  await on.close();
  sink.closeAllConnections();
  sink.close();
  const of = (what: string, values: readonly number[]): Figure => ({
    name: `${name}: ${what} with tracing over without, median`,
    value: median(values),
    unit: 'ratio',
    note: `${String(ROUNDS)} rounds of ${String(requests)} recordings of ${seconds.toFixed(0)} s, half of them from ${percentile(values, 0.25).toFixed(3)} to ${percentile(values, 0.75).toFixed(3)}`,
  });
  return [
    of(
      'processor time',
      ratios.map(({ processor }) => processor),
    ),
    of(
      'time',
      ratios.map(({ clock }) => clock),
    ),
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
