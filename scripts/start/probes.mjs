import { redisServes } from '../setup/own-redis.mjs';

const TIMEOUT_MS = 5_000;

/** Asks a service's `/readyz`. `detail` says in words what is not ready yet; null when nothing answers. */
export async function probeService(host, port) {
  try {
    const response = await fetch(`http://${host}:${String(port)}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    return { ready: response.status === 200, detail: describeReadiness(text) };
  } catch {
    return { ready: false, detail: null };
  }
}

/** The checks that fail, out of a readiness answer (`application/health+json`): `model: loading; redis: connecting`. */
export function describeReadiness(text) {
  try {
    const failing = Object.entries(JSON.parse(text).checks).filter(([, check]) => check.status !== 'pass');
    return failing.map(([name, check]) => `${name}: ${check.output}`).join('; ');
  } catch {
    return 'not ready';
  }
}

/** Asks a Redis whether it has loaded its data. */
export async function probeRedis(server) {
  return { ready: await redisServes(server), detail: null };
}
