import { setTimeout } from 'node:timers/promises';

/** Nodes that the ci files ask for beside plain ones: `[labels, resources]`. */
const NODES = {
  cpu: [{ pool: 'cpu' }, {}],
  cpus: [{ pool: 'cpu' }, {}],
  gpu: [{ 'nvidia.com/gpu.product': 'NVIDIA-H200' }, { 'nvidia.com/gpu': '8' }],
  mig: [{ 'nvidia.com/gpu.product': 'NVIDIA-H200-MIG-1g.18gb' }, { 'nvidia.com/mig-1g.18gb': '7' }],
};
/** A kubelet's own figures: it renews its node's lease four times before that ends. */
const [LEASE_SECONDS, RENEW_EVERY_MS] = [40, 10_000];

/** Nodes and classes that stand for those of a real cluster. */
export function clusterObjects() {
  const nodes = Object.entries(NODES).map(([name, [labels, resources]], i) => {
    const room = { cpu: '32', memory: '256Gi', pods: '110', 'ephemeral-storage': '500Gi', ...resources };
    return {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: `murmuration-check-${name}`,
        annotations: { 'kwok.x-k8s.io/node': 'fake' },
        labels: {
          'kubernetes.io/hostname': `murmuration-check-${name}`,
          'kubernetes.io/os': 'linux',
          'topology.kubernetes.io/zone': `zone-${String(i % 2)}`,
          ...labels,
        },
      },
      spec: {
        taints: Object.keys(resources).map(() => ({ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' })),
      },
      status: { allocatable: room, capacity: room },
    };
  });
  return [
    ...nodes,
    { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1_000 },
    { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' }, handler: 'nvidia' },
  ];
}

/** Renews the lease of every node, as their kubelets would; returns the function that ends it. A node that is silent for 50 s loses its pods. */
export function keepNodesReady(cluster) {
  const stopping = new AbortController();
  const work = (async () => {
    while (!stopping.signal.aborted) {
      const renewTime = new Date().toISOString().replace('Z', '000Z');
      await cluster.apply(
        (await cluster.list('nodes')).map(({ metadata: { name } }) => ({
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace: 'kube-node-lease' },
          spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime },
        })),
      );
      await setTimeout(RENEW_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return async () => {
    stopping.abort();
    await work;
  };
}
