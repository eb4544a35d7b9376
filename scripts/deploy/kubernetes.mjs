import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { runCommand } from '../setup/command.mjs';
import { SetupError } from '../setup/setup-error.mjs';

/** The cluster of KUBECONFIG, by kubectl. Every call throws with what kubectl said. */
export class Kubernetes {
  #kubectl;

  /** @param {string} kubectl path of the program */
  constructor(kubectl) {
    this.#kubectl = kubectl;
  }

  /** What a kubectl command prints. */
  async run(...args) {
    const result = await runCommand(this.#kubectl, args);
    if (result.code !== 0) throw new SetupError(`kubectl ${args.join(' ')}:\n${result.lines.join('\n')}`);
    return result.stdout;
  }

  /** The objects of kinds (`pods,services`); of a namespace, or of the cluster. */
  async list(kinds, namespace = '', ...args) {
    const text = await this.run('get', kinds, ...(namespace === '' ? [] : ['-n', namespace]), ...args, '-o', 'json');
    return JSON.parse(text).items;
  }

  /** Creates or changes objects; the server refuses what its schemas do not know. */
  async apply(objects, ...args) {
    const text =
      typeof objects === 'string' ? objects : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    const child = spawn(this.#kubectl, ['apply', '--validate=strict', ...args, '-f', '-'], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let fault = '';
    child.stderr.setEncoding('utf8').on('data', (data) => {
      fault += data;
    });
    child.stdin.end(text);
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    if (code !== 0) throw new SetupError(`kubectl apply ${args.join(' ')}:\n${fault}`);
    return fault;
  }

  /** Names of everything in a namespace, `Kind/name`, but for what the cluster itself puts there. */
  async everythingIn(namespace) {
    const kinds = (await this.run('api-resources', '--namespaced', '--verbs=list', '-o', 'name'))
      .split('\n')
      .filter((kind) => kind !== '' && !/^(?:events|endpointslices|endpoints|leases)\b/.test(kind));
    return (await this.list(kinds.join(','), namespace))
      .map((object) => `${object.kind}/${object.metadata.name}`)
      .filter((name) => !['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default'].includes(name))
      .sort();
  }
}

/** Waits until `holds` answers true; throws with `what` after `limitMs`. */
export async function until(what, holds, limitMs = 120_000) {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new SetupError(`did not come in ${String(limitMs / 1000)} s: ${what}`);
    await setTimeout(500);
  }
}
