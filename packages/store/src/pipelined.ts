import { Cluster, type ChainableCommander } from 'ioredis';
import type { Redis } from './connections.js';

type CommandLine = readonly [
  name: string,
  key: string,
  ...parameters: (string | number | Buffer | Readonly<Record<string, string | number>>)[],
];

/**
 * Sends commands that do not depend on each other at once; their answers in order. Throws the first error among them.
 * In a Cluster each goes to the node of its key by itself, and on to where that has moved.
 */
export async function pipelined(redis: Redis, commands: readonly CommandLine[]): Promise<unknown[]> {
  if (commands.length === 0) return [];
  if (redis instanceof Cluster)
    return Promise.all(commands.map(([name, ...parameters]) => redis.call(name, ...(parameters as string[]))));
  return answersOf(redis.pipeline(commands.map((command) => [...command])));
}

/** Unix milliseconds by Redis' clock, with fractions, so that no node's clock decides anything and nothing of one second is taken for the same moment. */
export async function redisNowMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}

/** Runs a transaction, whose keys share one tag; its answers in order. Throws the first error among them. */
export function transacted(commands: ChainableCommander): Promise<unknown[]> {
  return answersOf(commands);
}

async function answersOf(commands: ChainableCommander): Promise<unknown[]> {
  return ((await commands.exec()) ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
