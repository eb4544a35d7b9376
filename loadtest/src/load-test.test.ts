import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadTest } from './load-test.js';
import { OwnCluster } from './own-cluster.js';

/** Statuses of a run in which nothing was lost and nothing came twice; that it was void says nothing of a test's busy machine. */
const SOUND = new Set([0, 3]);

let cluster: OwnCluster;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'murmuration-loadtest-report-'));
  cluster = await OwnCluster.start({ workers: 1 });
});

after(async () => {
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(
  scenario: string,
  options: readonly string[],
): Promise<{ readonly output: string; readonly figures: Map<string, number> }> {
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
  };
  const out = join(folder, scenario);
  const { url, grpc, metrics } = cluster.addresses;
  const addresses = ['--url', url, '--grpc', grpc ?? '', '--metrics', metrics.join(',')];
  const status = await loadTest([scenario, ...addresses, '--out', out, '--speech', '2', ...options], {
    out: keep,
    err: keep,
  });
  const output = lines.join('\n');
  assert.ok(SOUND.has(status), output);
  assert.match(output, /lost 0, duplicated 0/);
  const page = await readFile(join(out, 'report.html'), 'utf8');
  assert.ok(page.includes('<svg') && page.includes(scenario));
  assert.doesNotMatch(page, /(src|href)="http/);
  const figures = (await readFile(join(out, 'figures.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as { readonly name: string; readonly value: number });
  return { output, figures: new Map(figures.map(({ name, value }) => [name, value])) };
}

test('a mixed run gives every kind of work its text once', async () => {
  const { figures } = await run('mixed', ['--seconds', '3', '--rate', '2']);
  for (const kind of ['http', 'job', 'websocket', 'grpc']) {
    assert.ok(Number.isFinite(figures.get(`${kind}: p95`)), `${kind} has no latency`);
    assert.ok((figures.get(`${kind}: word errors`) ?? 100) <= 25, `the text of ${kind} is not what was said`);
  }
});

test('a search for the number of live streams tries levels until one is too many', async () => {
  const { output } = await run('live-capacity', ['--levels', '1,2']);
  assert.match(output, /1 streams: final p50/);
});

test('an overload is refused in order or done: nothing accepted is lost', async () => {
  const { figures } = await run('overload', ['--seconds', '2']);
  assert.equal(figures.get('accepted work lost'), 0);
});

test('a soak tells the memory of every process', async () => {
  const { figures } = await run('soak', ['--seconds', '2', '--rate', '2']);
  const told = [...figures].filter(([name]) => name.startsWith('memory of'));
  assert.equal(told.length, 3);
  for (const [name, megabytes] of told) assert.ok(megabytes > 10, name);
});

test('a sweep has a row for each number of clients', async () => {
  const { figures } = await run('concurrency-sweep', ['--seconds', '1', '--levels', '1,3']);
  for (const clients of [1, 3]) {
    assert.ok((figures.get(`${String(clients)} clients: requests`) ?? 0) > 0);
    assert.ok((figures.get(`${String(clients)} clients: word errors`) ?? 100) <= 25);
  }
});

test('a wrong command line is refused with the usage before anything starts', async () => {
  const lines: string[] = [];
  const terminal = {
    out: () => undefined,
    err: (line: string) => {
      lines.push(line);
    },
  };
  assert.equal(await loadTest(['no-such-scenario'], terminal), 2);
  assert.equal(await loadTest(['mixed', '--rate', 'fast'], terminal), 2);
  assert.match(lines.join('\n'), /there is no scenario 'no-such-scenario'[\s\S]*--rate takes a number above 0/);
});
