import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startRedisSentinels, type TestRedisSentinels } from '@murmuration/store/testing';
import { createLogger } from '@murmuration/runtime';
import { pieces, startNode, served, submission, textOf, until, untilText, type JobsNode } from './testing/jobs-node.js';
import { LiveWalk } from './testing/live-walk.js';
import { SIMULATED_MODEL, SimulatedWorker } from './testing/simulated-worker.js';

const lines: string[] = [];
const logger = createLogger({ service: 'test', level: 'silent' });
logger.warn = logger.info = (...line: unknown[]) => {
  lines.push(JSON.stringify(line));
};
let sentinels: TestRedisSentinels;
let worker: SimulatedWorker;
let node: JobsNode;

before(async () => {
  sentinels = await startRedisSentinels();
  worker = await SimulatedWorker.start(sentinels.url, logger);
  node = await startNode(sentinels.url, logger);
});

after(async () => {
  await worker.close();
  await node.close();
  await sentinels.close();
});

test(
  'Work goes on at the master that the Sentinels choose, when the old one becomes a replica and when the new one stands still',
  { timeout: 120_000 },
  async () => {
    const walk = await LiveWalk.open(sentinels.url, logger, SIMULATED_MODEL);
    await walk.say('one');
    const done: string[] = [];
    for (const failOver of [() => sentinels.failOver(), () => sentinels.freezeMaster()]) {
      worker.hold();
      const { job } = await served(() => node.jobs.submit(submission({ source: pieces(1, 2, 3) })));
      // What a master has not passed on yet dies with it: replication is asynchronous.
      await sentinels.replicated();
      const before = (await sentinels.master()).port;
      await failOver();
      await until(async () => ((await sentinels.master()).port !== before ? true : null));
      worker.open();
      assert.equal(await untilText(node.jobs, job.id), textOf(1, 2, 3));
      // What the old master takes until its clients have left it is lost too.
      await until(async () => ((await walk.serverPort()) === (await sentinels.master()).port ? true : null));
      await walk.say('more');
      done.push(job.id);
    }
    await walk.say('last', true);
    assert.deepEqual(await walk.finals(), ['one', 'more', 'more', 'last']);
    walk.close();
    for (const id of done) assert.equal((await served(() => node.jobs.get(id, 'everybody'))).status, 'done');
    assert.ok(lines.length <= 30, `${String(lines.length)} lines: ${lines.join('\n')}`);
  },
);
