/** What the pods of rendered objects lack of restricted Pod Security, and what the API server would refuse or nobody wants; sentences. */
export function podFaults(objects) {
  return objects.flatMap((object) => {
    const pod = object.kind === 'Pod' ? object.spec : object.spec?.template?.spec;
    if (pod === undefined) return [];
    const name = `${object.kind} ${object.metadata.name}`;
    const faults = [];
    const expect = (ok, text) => {
      if (!ok) faults.push(`${name}: ${text}`);
    };
    expect(pod.automountServiceAccountToken === false, 'mounts a token of a service account');
    expect(
      pod.securityContext?.runAsNonRoot === true && pod.securityContext.runAsUser === 1000,
      'does not run as user 1000',
    );
    expect(pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile');
    expect(
      (pod.volumes ?? []).every((volume) => volume.hostPath === undefined),
      'mounts a path of the node',
    );
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      const security = container.securityContext ?? {};
      expect(
        security.readOnlyRootFilesystem === true &&
          security.allowPrivilegeEscalation === false &&
          security.capabilities?.drop?.includes('ALL'),
        `container ${container.name} is not restricted`,
      );
      expect(
        container.resources?.limits?.memory !== undefined && container.resources.requests?.cpu !== undefined,
        `container ${container.name} has no limit of memory or no request of CPU`,
      );
      const names = (container.env ?? []).map((variable) => variable.name);
      expect(
        !(container.env ?? []).some(({ value }) => /^\d+(?:\.\d+)?e[+]?\d+$/.test(value ?? '')),
        `container ${container.name} has a number that no service reads as one, as 1e+06`,
      );
      expect(new Set(names).size === names.length, `container ${container.name} has a variable twice`);
      const volumes = new Set(
        [...(pod.volumes ?? []), ...(object.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata)].map(
          (volume) => volume.name,
        ),
      );
      for (const mount of container.volumeMounts ?? [])
        expect(volumes.has(mount.name), `container ${container.name} mounts ${mount.name}, which is no volume`);
    }
    if (object.kind === 'Deployment') {
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
        expect(pod.containers[0][probe]?.httpGet?.port === 'metrics', `has no ${probe} on the port of metrics`);
      const startup = pod.containers[0].startupProbe;
      expect(
        startup.periodSeconds * startup.failureThreshold >= 600 &&
          startup.periodSeconds * startup.failureThreshold < object.spec.progressDeadlineSeconds,
        'has a start that is too short, or longer than its rollout may take',
      );
      expect(
        Object.entries(object.spec.selector.matchLabels).every(
          ([key, value]) => object.spec.template.metadata.labels[key] === value,
        ),
        'does not select its own pods',
      );
    }
    return faults;
  });
}

/** References to objects of the same render that are not there: services of routes, targets of scalers, claims, pods of services. */
export function referenceFaults(objects) {
  const there = new Set(objects.map((object) => `${object.kind}/${object.metadata.name}`));
  const faults = [];
  const twice = objects.filter(
    (object, i) =>
      objects.findIndex((other) => other.kind === object.kind && other.metadata.name === object.metadata.name) !== i,
  );
  for (const object of twice) faults.push(`${object.kind} ${object.metadata.name} is there twice`);
  for (const object of objects) {
    const wants = [
      ...(object.spec?.rules ?? [])
        .flatMap((rule) => [
          ...(rule.backendRefs ?? []).map((backend) => backend.name),
          ...(rule.http?.paths ?? []).map((path) => path.backend.service.name),
        ])
        .map((name) => `Service/${name}`),
      ...(object.spec?.scaleTargetRef === undefined ? [] : [`Deployment/${object.spec.scaleTargetRef.name}`]),
    ];
    for (const wanted of wants)
      if (!there.has(wanted))
        faults.push(`${object.kind} ${object.metadata.name} names ${wanted}, which is not rendered`);
    if (
      object.kind === 'Deployment' &&
      object.spec.replicas === undefined &&
      !objects.some((other) => other.spec?.scaleTargetRef?.name === object.metadata.name)
    )
      faults.push(`Deployment ${object.metadata.name} has neither replicas nor a scaler`);
    if (
      object.kind === 'Deployment' &&
      object.spec.replicas !== undefined &&
      objects.some((other) => other.spec?.scaleTargetRef?.name === object.metadata.name)
    )
      faults.push(`Deployment ${object.metadata.name} has replicas and a scaler`);
    const selector = object.kind === 'Service' ? object.spec.selector : undefined;
    if (
      selector !== undefined &&
      !objects.some((other) =>
        Object.entries(selector).every(([key, value]) => other.spec?.template?.metadata?.labels?.[key] === value),
      )
    )
      faults.push(`Service ${object.metadata.name} selects no pod`);
  }
  return faults;
}

/** Names of our metrics in a text that `declared` does not hold. */
export function unknownMetrics(text, declared) {
  const used = [...text.matchAll(/\basr_[a-z_]+/g)].map(([name]) => name.replace(/_(?:count|sum|bucket)$/, ''));
  return [...new Set(used)].filter((name) => !declared.has(name));
}
