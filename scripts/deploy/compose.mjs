/** What services of a compose file lack; sentences. */
export function composeFaults({ services }) {
  const faults = [];
  for (const [name, service] of Object.entries(services)) {
    const expect = (ok, text) => {
      if (!ok) faults.push(`${name}: ${text}`);
    };
    const runsOnce = service.restart === 'no';
    expect(
      service.init === true &&
        service.read_only === true &&
        service.cap_drop?.includes('ALL') &&
        /^[1-9]/.test(service.user),
      'is not restricted (init, read_only, cap_drop, user)',
    );
    expect(service.mem_limit !== undefined, 'has no limit of memory');
    expect(runsOnce || service.healthcheck?.test !== undefined, 'has no health check');
    expect(runsOnce || service.stop_grace_period !== undefined, 'has no time to stop in');
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(services[needed] !== undefined, `waits for ${needed}, which is no service`);
      const wanted = services[needed]?.restart === 'no' ? 'service_completed_successfully' : 'service_healthy';
      expect(condition === wanted, `waits for ${needed} by ${condition}, not ${wanted}`);
    }
    for (const device of service.deploy?.resources?.reservations?.devices ?? [])
      expect(
        device.capabilities?.includes('gpu') && (device.count !== undefined || device.device_ids !== undefined),
        'reserves a device without count or capabilities',
      );
  }
  if (services.redis?.ports !== undefined) faults.push('redis: publishes a port');
  return faults;
}

/** Variables of a compose file that its example does not name, and the other way round. */
export function environmentFaults(compose, example) {
  const used = new Set([...compose.matchAll(/(?<!\$)\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name]) => name));
  const named = new Set([...example.matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name));
  return [
    ...[...used].filter((name) => !named.has(name)).map((name) => `${name} is in compose.yaml and not in .env.example`),
    ...[...named].filter((name) => !used.has(name)).map((name) => `${name} is in .env.example and not in compose.yaml`),
  ];
}
