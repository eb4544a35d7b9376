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

/** Starts a Redis of its own, a simulated worker and two nodes, which end after the file's last test. */
export async function startJobsCluster(): Promise<JobsCluster> {
  const server = await startRedis();
  const worker = await SimulatedWorker.start(server.url, logger);
  const nodes = await Promise.all([startNode(server.url, logger), startNode(server.url, logger)]);
  after(async () => {
    await worker.close();
    await Promise.all(nodes.map((node) => node.close()));
    await server.close();
  });
  return { server, worker, nodes };
}
