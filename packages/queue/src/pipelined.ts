import type { ChainableCommander } from 'ioredis';

/** Sends a pipeline or transaction; its answers in order. Throws the first error among them. */
export async function pipelined(commands: ChainableCommander): Promise<unknown[]> {
  return (await commands.exec() ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
