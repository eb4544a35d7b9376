import { setTimeout } from 'node:timers/promises';

/** Secrets that the ci files name, and what the chart reads of them. */
const SECRETS = {
  'murmuration-keys': { 'keys.json': '{}' },
  'murmuration-redis': { password: 'letters', url: 'redis://redis:6379' },
  'murmuration-audio-redis': { url: 'redis://audio-redis:6379' },
  'murmuration-s3': { 'access-key-id': 'id', 'secret-access-key': 'secret' },
  'hub-token': { token: 'token' },
  'redis-ca': { 'ca.crt': 'authorities' },
  'redis-client': { 'tls.crt': 'certificate', 'tls.key': 'key' },
  'redis-sentinels': { password: 'letters' },
};
/** Claims that the ci files expect to be there. */
const CLAIMS = ['speech-models'];

/** Makes a namespace with restricted Pod Security, and in it the secrets and claims that the ci files name. */
export async function prepareNamespace(cluster, namespace) {
  const enforced = Object.fromEntries(
    ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
  );
  const metadata = (name) => ({ name, namespace: namespace });
  await cluster.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: enforced } },
    ...Object.entries(SECRETS).map(([name, stringData]) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata(name),
      stringData,
    })),
    ...CLAIMS.map((name) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: metadata(name),
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
    })),
  ]);
}

/** Gives each pending claim a volume, as a storage class would; returns the function that ends it and takes the volumes away. */
export function provideVolumes(cluster, namespace) {
  let stopped = false;
  const made = new Set();
  const work = (async () => {
    while (!stopped) {
      const claims = await cluster.list('persistentvolumeclaims', namespace);
      const pending = claims.filter((claim) => claim.status.phase === 'Pending' && !made.has(claim.metadata.uid));
      const volumes = pending.map(({ metadata, spec }) => ({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: `check-${metadata.uid}` },
        spec: {
          accessModes: spec.accessModes,
          capacity: { storage: spec.resources.requests.storage },
          storageClassName: spec.storageClassName ?? '',
          persistentVolumeReclaimPolicy: 'Retain',
          claimRef: { namespace: namespace, name: metadata.name },
          hostPath: { path: '/tmp/check' },
        },
      }));
      if (volumes.length > 0) await cluster.apply(volumes);
      for (const { metadata } of pending) made.add(metadata.uid);
      await setTimeout(1_000);
    }
  })();
  return async () => {
    stopped = true;
    await work;
    for (const uid of made) await cluster.run('delete', 'persistentvolume', `check-${uid}`, '--wait=false');
  };
}
