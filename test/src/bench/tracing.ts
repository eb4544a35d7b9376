import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ATTRIBUTE, SPAN, startTracing } from '@murmuration/runtime';
import { Cluster } from '../harness/cluster.js';
import { median, percentile, printFigures, type Figure } from '../harness/figures.js';
import { joined, samples, wavFile } from '../harness/wav.js';

/*
 * What tracing costs: two clusters on one machine, one with tracing to a receiver that throws away what comes, work in turns, a round each, and each
 * round with is compared with the same round without: by the clock, and by the processor time of the API node and the worker, which other work on the
 * machine hardly changes. With the model, and with a simulated device that leaves the time to everything else. Linux only.
 */

const CLIENTS = 4;
/** Processes differ from start to start by more than tracing costs, so that several pairs of clusters are started. */
const PAIRS = 3;
const ROUNDS = 6;
const SPANS = 50_000;

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

async function cost(
  { name, worker, requests }: Kind,
  endpoint: string,
  file: Buffer,
  seconds: number,
): Promise<Figure[]> {
  const ratios: Spent[] = [];
  const speeds: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
    const off = await Cluster.start({ worker, wholeMachine: true });
    const on = await Cluster.start({ api: traced, worker: { ...worker, ...traced }, wholeMachine: true });
    for (const cluster of [off, on]) await round(cluster, file, requests);
    for (let i = 0; i < ROUNDS; i++) {
      const first = i % 2 === 0 ? off : on;
      const one = await round(first, file, requests);
      const other = await round(first === off ? on : off, file, requests);
      const [without, traced] = first === off ? [one, other] : [other, one];
      ratios.push({ clock: traced.clock / without.clock, processor: traced.processor / without.processor });
      speeds.push((requests * seconds) / without.clock);
    }
    await off.close();
    await on.close();
  }
  const of = (what: string, values: readonly number[]): Figure => ({
    name: `${name}: ${what} with tracing over without, median`,
    value: median(values),
    unit: 'ratio',
    note: `${String(PAIRS * ROUNDS)} rounds of ${String(requests)} recordings of ${seconds.toFixed(0)} s, half of them from ${percentile(values, 0.25).toFixed(3)} to ${percentile(values, 0.75).toFixed(3)}`,
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
  ];
}

/** A process that takes what comes and throws it away. */
const SINK = `require('node:http').createServer((request, response) => { request.resume().on('end', () => response.end('{}')); })
  .listen(0, '127.0.0.1', function () { console.log(this.address().port); });`;

/** Processor time of this process for a span with attributes, made, ended and sent. */
async function spanCost(endpoint: string): Promise<Figure> {
  const tracing = await startTracing('bench', endpoint, () => undefined);
  const parent = tracing.start(SPAN.intake).traceparent;
  const before = process.cpuUsage();
  for (let i = 0; i < SPANS; i++) {
    const attributes = {
      [ATTRIBUTE.job]: 'bench',
      [ATTRIBUTE.item]: i,
      [ATTRIBUTE.lane]: 'batch',
      [ATTRIBUTE.audioSeconds]: 4.2,
    };
    tracing.start(SPAN.transcribe, { parent, attributes }).end();
    // No more than the exporter takes, as in a service.
    if (i % 1_000 === 999) await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await tracing.close();
  const { user, system } = process.cpuUsage(before);
  return {
    name: 'processor time a span, made and sent',
    value: (user + system) / SPANS,
    unit: 'µs',
    note: `${String(SPANS)} spans`,
  };
}

const sink = spawn(process.execPath, ['-e', SINK], { stdio: ['ignore', 'pipe', 'inherit'] });
const [port] = (await once(sink.stdout, 'data')) as [Buffer];
const endpoint = `http://127.0.0.1:${port.toString().trim()}`;
const pcm = joined(
  (await samples()).map((clip) => clip.pcm),
  700,
);
const figures: Figure[] = [await spanCost(endpoint)];
for (const kind of KINDS) figures.push(...(await cost(kind, endpoint, wavFile(pcm), pcm.length / 16_000)));
sink.kill();
printFigures('tracing', figures);
