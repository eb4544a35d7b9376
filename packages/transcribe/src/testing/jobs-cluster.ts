import { after } from 'node:test';
import { createLogger } from '@murmuration/runtime';
import { startRedis, type TestRedis } from '@murmuration/store/testing';
import { startNode, type JobsNode } from './jobs-node.js';
import { SimulatedWorker } from './simulated-worker.js';

/** For what tests start: says nothing. */
export const logger = createLogger({ service: 'test', level: 'silent' });

/** What a file's tests run on. */
export interface JobsCluster {
  readonly server: TestRedis;
  readonly worker: SimulatedWorker;
  readonly nodes: readonly [JobsNode, JobsNode];
}

/**
 * Starts a Redis of its own and a simulated worker, which end after the file's last test.
 * @param endWith is ended after the worker and before the Redis
 */
export async function startRedisAndWorker(
  endWith: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Pick<JobsCluster, 'server' | 'worker'>> {
  const server = await startRedis();
  const worker = await SimulatedWorker.start(server.url, logger);
  after(async () => {
    await worker.close();
    await endWith();
    await server.close();
  });
  return { server, worker };
}

/** As `startRedisAndWorker`, with two nodes, which end with them. */
export async function startJobsCluster(): Promise<JobsCluster> {
  const started: JobsNode[] = [];
  const { server, worker } = await startRedisAndWorker(() => Promise.all(started.map((node) => node.close())));
  const nodes = await Promise.all([startNode(server.url, logger), startNode(server.url, logger)]);
  started.push(...nodes);
  return { server, worker, nodes };
}
