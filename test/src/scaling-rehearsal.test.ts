import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { lineChart } from '@murmuration/loadtest';
import { parseAllDocuments } from 'yaml';
import { until } from './harness/api-requests.js';
import { Cluster } from './harness/cluster.js';
import { submitSurely, type JobAnswer } from './harness/jobs-client.js';
import { Prometheus, withoutPrometheus } from './harness/prometheus.js';
import { ScaledWorkers, type ScaledObject, type ScalingPoint } from './harness/scaled-workers.js';
import { ROOT } from './harness/service-process.js';
import { RATE_HZ, joined, samples, wavFile } from './harness/wav.js';

/** `npm run soak`: a burst of 50 hours that drains in 10 minutes; otherwise 10 minutes in some seconds. */
const LONG = process.env['SOAK'] === '1';
const BURST_SECONDS = LONG ? 50 * 3_600 : 10 * 60;
const JOB_SECONDS = LONG ? 1_800 : 60;
const DRAIN_TARGET_SECONDS = LONG ? 600 : 10;
const MAX_WORKERS = LONG ? 6 : 3;
/** What a simulated worker is made to do: so many seconds of audio a second. */
const AUDIO_SECONDS_PER_SECOND = Math.round(BURST_SECONDS / DRAIN_TARGET_SECONDS / (MAX_WORKERS - 1));
const NAMESPACE = 'speech';
const NAME = 'm-murmuration';

const helm = ['helm', join(ROOT, '.murmuration', 'tools', 'helm')].find(
  (path) => spawnSync(path, ['version']).status === 0,
);
const skip =
  withoutPrometheus() ??
  (helm === undefined ? 'there is no helm to render the chart with: npm run check:deploy fetches one' : false);

let cluster: Cluster;
let prometheus: Prometheus;
let workers: ScaledWorkers;

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

/** The chart's objects, for a pool of simulated workers that scales from zero. */
function rendered(modelId: string): { readonly text: string; readonly objects: readonly Rendered[] } {
  const values = {
    auth: { disabled: true },
    redis: { bundled: { enabled: true, existingSecret: 'redis' } },
    keda: { enabled: true, pollingSeconds: 1 },
    monitoring: { serviceMonitors: true, rules: true, dashboards: true },
    workerPools: {
      simulated: {
        device: 'simulated',
        scaling: {
          enabled: true,
          modelId,
          minReplicas: 0,
          maxReplicas: MAX_WORKERS,
          audioSecondsPerSecond: AUDIO_SECONDS_PER_SECOND,
          drainTargetSeconds: DRAIN_TARGET_SECONDS,
          cooldownSeconds: 2,
        },
      },
    },
  };
  const args = [
    'template',
    'm',
    join(ROOT, 'deploy/helm/murmuration'),
    '-n',
    NAMESPACE,
    '--kube-version',
    '1.34.0',
    '--values',
    '-',
  ];
  const result = spawnSync(helm ?? '', args, { input: JSON.stringify(values), encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return {
    text: result.stdout,
    objects: parseAllDocuments(result.stdout).map((document) => document.toJS() as Rendered),
  };
}

function targets(): Parameters<Prometheus['scrape']>[0] {
  const of = (
    service: string,
    processes: readonly { readonly metricsPort: number }[],
  ): { port: number; service: string; pod: string }[] =>
    processes.map(({ metricsPort }, i) => ({
      port: metricsPort,
      service: `${NAME}-${service}`,
      pod: `${service}-${String(i)}`,
    }));
  return [
    ...of(
      'api',
      cluster.apis.map((node) => node.process),
    ),
    ...of(
      'relay',
      cluster.relays.map((node) => node.process),
    ),
    ...of('worker', workers.running),
  ];
}

/** Draws what waited and who worked for `docs/deploy/chart.md`. */
function plot(history: readonly ScalingPoint[]): void {
  const hours = history.map(({ seconds, backlogSeconds }) => [seconds, (backlogSeconds ?? 0) / 3_600] as const);
  const running = history.map(({ seconds, workers: count }) => [seconds, count] as const);
  const x = 'seconds since the burst began';
  const write = (file: string, title: string, y: string, points: readonly (readonly [number, number])[]): void => {
    writeFileSync(join(ROOT, 'docs/results', file), `${lineChart({ title, x, y, series: [{ name: y, points }] })}\n`);
  };
  write('scaling-rehearsal-backlog.svg', 'What waits', 'hours of audio', hours);
  write('scaling-rehearsal-workers.svg', 'Workers that run', 'workers', running);
}

before(async () => {
  if (skip !== false) return;
  const modelId = 'simulated';
  const perSecondMs = 1_000 / AUDIO_SECONDS_PER_SECOND;
  cluster = await Cluster.start({
    workers: 0,
    apis: 2,
    relays: 1,
    api: { WAKEABLE_MODELS: modelId, MAX_BACKLOG_SECONDS: String(BURST_SECONDS * 2) },
    relay: { WAKEABLE_MODELS: modelId },
    worker: { DEVICE: 'simulated', MODEL_PATH: 'simulated', SIMULATED_AUDIO_SECOND_MS: String(perSecondMs) },
  });
  const { objects } = rendered(modelId);
  const rules = objects.find((object) => object.kind === 'PrometheusRule');
  prometheus = await Prometheus.start(NAMESPACE, JSON.stringify(rules?.spec));
  const scaled = objects.find((object) => object.kind === 'ScaledObject') as unknown as ScaledObject;
  workers = new ScaledWorkers(cluster, prometheus, scaled, () => prometheus.scrape(targets()));
});

after(async () => {
  if (skip !== false) return;
  await workers.close();
  await prometheus.close();
  await cluster.close();
});

test(
  'a burst wakes workers from zero by the numbers of the chart, is done within the target, and nothing of it is lost',
  { skip, timeout: LONG ? 3_000_000 : 110_000 },
  async (t) => {
    await prometheus.scrape(targets());
    await until('Prometheus knows that nothing waits', async () => (await workers.wanted()) === 0, 60_000);
    workers.start();

    const clips = (await samples()).map((clip) => clip.pcm);
    const turn = joined(clips, 200);
    const pcm = joined(
      Array.from({ length: Math.ceil((JOB_SECONDS * RATE_HZ) / turn.length) }, () => turn),
      0,
    );
    const file = wavFile(pcm.subarray(0, JOB_SECONDS * RATE_HZ));
    const begunMs = performance.now();
    const jobs: JobAnswer[] = [];
    const submit = async (): Promise<void> => {
      while (jobs.length < BURST_SECONDS / JOB_SECONDS) {
        const index = jobs.push({} as JobAnswer) - 1;
        jobs[index] = await submitSurely(
          cluster.apis[index % 2] === undefined
            ? cluster.url
            : `http://127.0.0.1:${String(cluster.apis[index % 2]?.port)}`,
          file,
          { query: { model: 'simulated' } },
        );
      }
    };
    await Promise.all([submit(), submit()]);
    const submittedMs = performance.now();

    const done = async (): Promise<number> => {
      const states = await Promise.all(
        jobs.map(async ({ id }) => ((await (await fetch(`${cluster.url}/v1/jobs/${id}`)).json()) as JobAnswer).status),
      );
      assert.ok(
        states.every((state) => !['failed', 'cancelled'].includes(state)),
        states.join(' '),
      );
      // Asking for every job without a pause would take the time that the services need.
      if (LONG) await pause(1_000);
      return states.filter((state) => state === 'done').length;
    };
    let finished = 0;
    await until('every job is done', async () => (finished = await done()) === jobs.length, LONG ? 2_400_000 : 90_000);
    const doneMs = performance.now();
    await until('the last worker is told to go', () => workers.running.length === 0, 60_000);
    await workers.ended();
    if (LONG) plot(workers.history);

    const most = Math.max(...workers.history.map((point) => point.workers));
    t.diagnostic(
      `${String(jobs.length)} jobs of ${String(JOB_SECONDS)} s: submitted in ${((submittedMs - begunMs) / 1_000).toFixed(1)} s, done ${((doneMs - submittedMs) / 1_000).toFixed(1)} s later with at most ${String(most)} workers`,
    );
    assert.ok(most > 1, 'the backlog asked for more than one worker');
    assert.equal(workers.history[0]?.workers, 0);
    // A worker takes its time to start, and so do the looks of Prometheus and of the scaler; a busy machine has no say in the short form.
    if (LONG) assert.ok(doneMs - submittedMs < (DRAIN_TARGET_SECONDS + 60) * 1_000);
    assert.deepEqual(new Set(workers.exits), new Set([0]), 'every worker that was taken away ended in order');
    assert.equal(finished, jobs.length);
    // No batch in progress died with its worker: an item whose worker went silent would count here.
    assert.equal((await prometheus.value('sum(max_over_time(asr_stalled_total[1h]))')) ?? 0, 0);
  },
);

test(
  'every metric of an alert, a scaler or a dashboard of the chart is one that the services tell',
  { skip },
  async () => {
    const { text } = rendered('simulated');
    await cluster.addWorker();
    await prometheus.scrape([
      ...targets(),
      { port: cluster.workers.at(-1)?.metricsPort ?? 0, service: `${NAME}-worker`, pod: 'worker-0' },
    ]);
    const used = [
      ...new Set([...text.matchAll(/\basr_[a-z_]+/g)].map(([name]) => name.replace(/_(?:bucket|count|sum)$/, ''))),
    ].filter(
      // Those of GPUs are told where there is one.
      (name) => !name.startsWith('asr_gpu_'),
    );
    assert.ok(used.length > 20);
    let missing: string[] = [];
    await until('all are scraped', async () => {
      const known = await prometheus.names();
      missing = used.filter((name) => !known.has(name));
      return missing.length === 0;
    }).catch(() => undefined);
    assert.deepEqual(missing, []);
    assert.ok(readdirSync(join(ROOT, 'deploy/helm/murmuration/dashboards')).length > 0);
  },
);
