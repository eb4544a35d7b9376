import { redisServes, type OwnRedis } from './own-redis.js';

const TIMEOUT_MS = 5_000;

/** What a probe says. `detail` says in words what is not ready yet; null when nothing answers. */
export interface Readiness {
  readonly ready: boolean;
  readonly detail: string | null;
}

/** Asks a service's `/readyz`. */
export async function probeService(host: string, port: number): Promise<Readiness> {
  try {
    const response = await fetch(`http://${host}:${String(port)}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    return { ready: response.status === 200, detail: describeReadiness(text) };
  } catch {
    return { ready: false, detail: null };
  }
}

/** The checks that fail, out of a readiness answer (`application/health+json`): `model: loading; redis: connecting`. */
export function describeReadiness(text: string): string {
  try {
    const { checks } = JSON.parse(text) as {
      readonly checks: Readonly<Record<string, { readonly status: string; readonly output: string }>>;
    };
    return Object.entries(checks)
      .filter(([, check]) => check.status !== 'pass')
      .map(([name, check]) => `${name}: ${check.output}`)
      .join('; ');
  } catch {
    return 'not ready';
  }
}

/** Asks a Redis whether it has loaded its data. */
export async function probeRedis(server: OwnRedis): Promise<Readiness> {
  return { ready: await redisServes(server), detail: null };
}
