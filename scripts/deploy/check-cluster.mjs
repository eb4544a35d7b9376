import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable } from '../setup/executables.mjs';
import { say } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { CHART, findHelm } from './helm.mjs';
import { Kubernetes } from './kubernetes.mjs';
import { clusterObjects, keepNodesReady } from './played-nodes.mjs';
import { PresetLife } from './preset-life.mjs';

/** `npm run check:cluster`; returns the exit status. */
export async function checkCluster() {
  const [kubectl, helm] = [findExecutable(['kubectl']), await findHelm()];
  if (kubectl === null || helm === null || process.env.KUBECONFIG === undefined)
    throw new SetupError(
      'check:cluster needs kubectl and helm on the PATH, and KUBECONFIG with a cluster of its own whose nodes KWOK plays: it adds nodes to it and drains them.',
    );
  const cluster = new Kubernetes(kubectl);
  const nodes = await cluster.list('nodes');
  if (!nodes.every((node) => node.status.nodeInfo?.kubeletVersion?.startsWith('kwok')))
    throw new SetupError(
      'The nodes of KUBECONFIG are not played by KWOK. check:cluster adds nodes and drains them, so it leaves this cluster alone.',
    );
  const faults = [];
  // They stay: KWOK 0.7 may end when a node is deleted.
  await cluster.apply(clusterObjects());
  const stopHeartbeats = keepNodesReady(cluster);
  try {
    const only = process.argv.slice(2);
    const files = readdirSync(join(CHART, 'ci')).filter(
      (file) => only.length === 0 || only.some((name) => file.startsWith(name)),
    );
    // Each waits for the cluster most of the time.
    const drains = new Turns();
    const found = await Promise.all(files.map((file) => new PresetLife(cluster, helm, file, drains).check()));
    faults.push(...found.flat());
  } finally {
    await stopHeartbeats();
  }
  say('cluster', faults.length === 0 ? 'all is good' : `${String(faults.length)} faults`);
  return faults.length === 0 ? 0 : 1;
}

/** Work that runs one after the other: a node that two drain at once would be given back too early. */
class Turns {
  #last = Promise.resolve();

  take(work) {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
