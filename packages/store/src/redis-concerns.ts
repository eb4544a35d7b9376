import type { Redis } from './connections.js';

/**
 * What of a Redis' settings puts accepted work at risk, a sentence each for an operator; what cannot be told is said to be unknown.
 * Reads INFO alone, since a Redis of somebody else may forbid CONFIG. Throws what Redis throws.
 */
export async function redisConcerns(redis: Redis): Promise<string[]> {
  const info = (
    await Promise.all(
      ['memory', 'persistence'].map((section) =>
        redis.info(section).catch((error: unknown) => {
          if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
          throw error;
        }),
      ),
    )
  ).join('\n');
  const figure = (name: string): string | null => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? null;
  const policy = figure('maxmemory_policy');
  const appendOnly = figure('aof_enabled');
  return [
    ...(policy === 'noeviction'
      ? []
      : [
          policy === null
            ? 'The maxmemory-policy of Redis is unknown: it must be noeviction.'
            : `The maxmemory-policy of Redis is ${policy}, so that a full Redis deletes jobs: set it to noeviction.`,
        ]),
    ...(appendOnly === '1'
      ? []
      : [
          appendOnly === null
            ? 'Whether Redis has an append-only file is unknown: without one a restart loses accepted jobs.'
            : 'Redis has no append-only file, so that a restart loses accepted jobs: set appendonly to yes.',
        ]),
  ];
}
