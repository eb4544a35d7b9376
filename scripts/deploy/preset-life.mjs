import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { runCommand } from '../setup/command.mjs';
import { say, seconds } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { prepareNamespace, provideVolumes } from './check-namespace.mjs';
import { CHART, KUBE_VERSION } from './helm.mjs';
import { until } from './kubernetes.mjs';

/** The life of a release with the values of one ci file, in a namespace of its own. */
export class PresetLife {
  #cluster;
  #helm;
  #file;
  #namespace;
  #drains;
  /** Of its own: a drain evicts by the name of the release. */
  #releaseName;
  #faults = [];

  constructor(cluster, helm, file, drains) {
    this.#cluster = cluster;
    this.#drains = drains;
    this.#helm = helm;
    this.#file = join(CHART, 'ci', file);
    const suffix = randomBytes(3).toString('hex');
    this.#releaseName = `m-${suffix}`;
    this.#namespace = `murmuration-${basename(file, '-values.yaml')}-${suffix}`;
  }

  async check() {
    const name = basename(this.#file);
    const started = performance.now();
    await prepareNamespace(this.#cluster, this.#namespace);
    const stopVolumes = provideVolumes(this.#cluster, this.#namespace);
    try {
      const before = await this.#cluster.everythingIn(this.#namespace);
      await this.#part(`${name}: the server knows every field, and takes the pod of helm test`, () => this.#fields());
      await this.#part(`${name}: installs under restricted Pod Security and becomes Ready`, () =>
        this.#release('install', CHART, '--values', this.#file),
      );
      await this.#part(`${name}: GPU pods lie on nodes with their GPU, all others elsewhere`, () => this.#placement());
      await this.#part(`${name}: an upgrade replaces pods and keeps API and relay served`, () =>
        this.#rollout('debug', 'upgrade', CHART, '--values', this.#file, '--set', 'logLevel=debug'),
      );
      await this.#part(`${name}: a rollback brings the settings before back`, () =>
        this.#rollout('info', 'rollback', '1'),
      );
      await this.#part(`${name}: a drained node's pods go within their budgets and come back elsewhere`, () =>
        this.#drains.take(() => this.#drain()),
      );
      await this.#part(`${name}: nothing is left after it is uninstalled but the claim of the models`, () =>
        this.#uninstall(before),
      );
    } finally {
      await stopVolumes();
      await this.#cluster.run('delete', 'namespace', this.#namespace, '--wait=false');
    }
    say('cluster', `${name}: ${seconds(performance.now() - started)}`);
    return this.#faults;
  }

  async #part(name, work) {
    let fault = null;
    try {
      await work();
    } catch (error) {
      fault = error instanceof SetupError ? error.message : String(error.stack);
      this.#faults.push(fault);
    }
    say('cluster', `${fault === null ? 'good' : 'BAD '}  ${name}`);
    if (fault !== null) console.log(fault.replaceAll(/^/gm, '  '));
  }

  async #fields() {
    const result = await runCommand(this.#helm, [
      'template',
      this.#releaseName,
      CHART,
      '-n',
      this.#namespace,
      '--kube-version',
      KUBE_VERSION,
      '--values',
      this.#file,
    ]);
    if (result.code !== 0) throw new SetupError(result.lines.join('\n'));
    await this.#cluster.apply(result.stdout, '--dry-run=server', '-n', this.#namespace);
  }

  /** A helm command that changes the release and waits until all is Ready. */
  async #release(command, ...args) {
    const result = await runCommand(this.#helm, [
      command,
      this.#releaseName,
      ...args,
      '-n',
      this.#namespace,
      '--wait',
      '--timeout',
      '6m',
    ]);
    const warnings = result.lines.filter((line) => /warning|would violate/i.test(line));
    if (result.code === 0 && warnings.length === 0) {
      // Helm is content with a Deployment that may lack as many pods as it has.
      const done = await until('all pods that are wanted are Ready', () => this.#settled()).catch(() => false);
      if (done !== false) return;
    }
    const waiting = (await this.#pods()).filter((pod) => !isReady(pod));
    const why = await this.#cluster.list('events', this.#namespace, '--field-selector', 'type=Warning');
    throw new SetupError(
      [
        ...result.lines,
        ...waiting.map((pod) => `not Ready: ${pod.metadata.name}`),
        ...new Set(why.map((event) => `${event.involvedObject.kind} ${event.involvedObject.name}: ${event.message}`)),
      ].join('\n'),
    );
  }

  /** Whether every pod is Ready, and every HPA has seen to its least number. */
  async #settled() {
    const scalers = await this.#cluster.list('horizontalpodautoscalers', this.#namespace);
    const deployments = await this.#cluster.list('deployments', this.#namespace);
    return (
      (await this.#pods()).every(isReady) &&
      deployments.every(({ spec, status }) => status.readyReplicas === spec.replicas) &&
      scalers.every(
        ({ spec }) =>
          deployments.find(({ metadata }) => metadata.name === spec.scaleTargetRef.name).spec.replicas >=
          spec.minReplicas,
      )
    );
  }

  /** The release's pods, without those that are on their way out. */
  async #pods() {
    const pods = await this.#cluster.list(
      'pods',
      this.#namespace,
      '-l',
      `app.kubernetes.io/instance=${this.#releaseName}`,
    );
    return pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  }

  async #placement() {
    const nodes = new Map((await this.#cluster.list('nodes')).map((node) => [node.metadata.name, node]));
    for (const pod of await this.#pods()) {
      const { allocatable } = nodes.get(pod.spec.nodeName).status;
      const wanted = pod.spec.containers
        .flatMap((container) => Object.keys(container.resources.limits ?? {}))
        .filter((name) => name.startsWith('nvidia.com/'));
      const there = Object.keys(allocatable).filter((name) => name.startsWith('nvidia.com/'));
      if (wanted.length === 0 ? there.length > 0 : !wanted.every((name) => there.includes(name)))
        throw new SetupError(
          `${pod.metadata.name} wants ${wanted.join(', ') || 'no GPU'} and lies on ${pod.spec.nodeName} with ${there.join(', ') || 'none'}`,
        );
    }
  }

  /** A change of the release during which API and relay never have fewer Ready pods than wanted; afterwards every pod has the log level. */
  async #rollout(level, command, ...args) {
    const least = await this.#whileWatching(() => this.#release(command, ...args));
    for (const { name, wanted, ready } of least)
      if (/-(?:api|relay)$/.test(name) && ready < wanted)
        throw new SetupError(`${name} had ${String(ready)} of ${String(wanted)} pods Ready during the ${command}`);
    await until(`all pods have LOG_LEVEL ${level} after the ${command}`, async () =>
      (await this.#pods())
        .flatMap((pod) => pod.spec.containers)
        .flatMap((container) => container.env)
        .every((variable) => variable.name !== 'LOG_LEVEL' || variable.value === level),
    );
  }

  /** Runs `work` and returns the least number of Ready pods that each Deployment had meanwhile, beside what it wants. */
  async #whileWatching(work) {
    const least = new Map();
    let done = false;
    const watching = (async () => {
      while (!done) {
        await setTimeout(500);
        for (const { metadata, spec, status } of await this.#cluster.list('deployments', this.#namespace)) {
          const ready = status.readyReplicas ?? 0;
          const seen = least.get(metadata.name);
          least.set(metadata.name, {
            name: metadata.name,
            // A scaler that adds pods meanwhile takes none away.
            wanted: Math.min(spec.replicas, seen?.wanted ?? spec.replicas),
            ready: Math.min(ready, seen?.ready ?? ready),
          });
        }
      }
    })();
    try {
      await work();
    } finally {
      done = true;
      await watching;
    }
    return [...least.values()];
  }

  async #drain() {
    const budgets = await this.#cluster.list('poddisruptionbudgets', this.#namespace);
    const pods = await this.#pods();
    const drained = pods.find((pod) => pod.metadata.labels['app.kubernetes.io/component'] === 'api').spec.nodeName;
    const moved = pods.filter((pod) => pod.spec.nodeName === drained).map((pod) => pod.metadata.name);
    const least = await this.#whileWatching(async () => {
      try {
        await this.#cluster.run(
          'drain',
          drained,
          '--pod-selector',
          `app.kubernetes.io/instance=${this.#releaseName}`,
          '--delete-emptydir-data',
          '--ignore-daemonsets',
          '--timeout=300s',
        );
        await until(
          'all pods are Ready on other nodes',
          async () => {
            const now = await this.#pods();
            return now.length >= pods.length && now.every((pod) => isReady(pod) && pod.spec.nodeName !== drained);
          },
          300_000,
        );
      } finally {
        await this.#cluster.run('uncordon', drained);
      }
    });
    if (moved.length === 0 || budgets.length === 0) throw new SetupError('no pod was evicted, or no budget is there');
    for (const { name, wanted, ready } of least) {
      if (!budgets.some((budget) => budget.metadata.name === name)) throw new SetupError(`${name} has no budget`);
      if (ready < wanted - 1)
        throw new SetupError(`${name} had ${String(ready)} of ${String(wanted)} pods Ready during the drain`);
    }
  }

  async #uninstall(before) {
    const kept = (await this.#cluster.list('persistentvolumeclaims', this.#namespace))
      .filter((claim) => claim.metadata.annotations?.['helm.sh/resource-policy'] === 'keep')
      .map((claim) => `PersistentVolumeClaim/${claim.metadata.name}`);
    const result = await runCommand(this.#helm, [
      'uninstall',
      this.#releaseName,
      '-n',
      this.#namespace,
      '--wait',
      '--timeout',
      '6m',
    ]);
    if (result.code !== 0) throw new SetupError(result.lines.join('\n'));
    const expected = [...before, ...kept].sort().join(', ');
    let there = '';
    await until(
      'nothing is left',
      async () => {
        there = (await this.#cluster.everythingIn(this.#namespace)).join(', ');
        return there === expected;
      },
      60_000,
    ).catch(() => {
      throw new SetupError(`there is ${there}; expected ${expected}`);
    });
  }
}

function isReady(pod) {
  return pod.status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
}
