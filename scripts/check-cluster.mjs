// `npm run check:cluster`: the chart on a Kubernetes control plane whose nodes KWOK plays; KUBECONFIG names it.
import { requireNode } from './setup/node-version.mjs';

requireNode();
const { runMain } = await import('./setup/setup-error.mjs');
const { checkCluster } = await import('./deploy/check-cluster.mjs');
await runMain(checkCluster);
