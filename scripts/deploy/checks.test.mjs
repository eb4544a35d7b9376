import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeFaults, environmentFaults } from './compose.mjs';
import { podFaults, referenceFaults, unknownMetrics } from './objects.mjs';
import { leafPaths, nested, schemaFaults, undeclaredPaths } from './values.mjs';

test('A value that a template reads and values.yaml lacks is found, in a pool as well', () => {
  const values = { api: { image: { tag: '' } }, workerDefaults: { model: 'base' } };
  assert.deepEqual(
    undeclaredPaths('{{ .Values.api.image.tag }} {{ $v.api.imag }} {{ $pool.model }} {{ $pool.dtype }}', values),
    ['api.imag', 'workerDefaults.dtype'],
  );
  assert.deepEqual(
    leafPaths(values).map((path) => path.join('.')),
    ['api.image.tag', 'workerDefaults.model'],
  );
  assert.deepEqual(nested(['api', 'image'], 1), { api: { image: 1 } });
});

test('A schema that knows other keys than the values, or leaves a map open, is found', () => {
  const schema = { additionalProperties: false, properties: { a: { properties: { b: {} } }, d: {} } };
  assert.deepEqual(schemaFaults(schema, { a: { b: 1 }, c: 2 }), [
    'd is in values.schema.json and not in values.yaml',
    'a is not closed in values.schema.json',
    'c is in values.yaml and not in values.schema.json',
  ]);
});

test('A pod that runs as root with a variable twice and a mount of nothing is refused', () => {
  const faults = podFaults([
    {
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', env: [{ name: 'A' }, { name: 'A' }], volumeMounts: [{ name: 'gone' }] }] },
    },
  ]).join('\n');
  for (const text of [
    /token/,
    /user 1000/,
    /seccomp/,
    /not restricted/,
    /limit of memory/,
    /a variable twice/,
    /mounts gone/,
  ])
    assert.match(faults, text);
});

test('A route to a service that is not rendered, a scaler of nothing and replicas beside a scaler are found', () => {
  const deployment = {
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { replicas: 1, selector: { matchLabels: {} }, template: { metadata: { labels: { a: 'b' } } } },
  };
  const faults = referenceFaults([
    deployment,
    { kind: 'HTTPRoute', metadata: { name: 'r' }, spec: { rules: [{ backendRefs: [{ name: 'gone' }] }] } },
    { kind: 'ScaledObject', metadata: { name: 's' }, spec: { scaleTargetRef: { name: 'd' } } },
    { kind: 'Service', metadata: { name: 'v' }, spec: { selector: { a: 'c' } } },
  ]).join('\n');
  for (const text of [/Service\/gone/, /d has replicas and a scaler/, /v selects no pod/]) assert.match(faults, text);
});

test('A metric that the services do not have is found, the parts of a histogram are known', () => {
  assert.deepEqual(unknownMetrics('asr_a_seconds_count / asr_b', new Set(['asr_a_seconds'])), ['asr_b']);
});

test('A compose service without a health check, or one that is waited for wrongly, is found', () => {
  const good = {
    init: true,
    read_only: true,
    cap_drop: ['ALL'],
    user: '1000:1000',
    mem_limit: '1g',
    healthcheck: { test: ['CMD', 'true'] },
    stop_grace_period: '1s',
  };
  assert.deepEqual(composeFaults({ services: { good } }), []);
  const faults = composeFaults({
    services: {
      redis: { ...good, ports: ['6379'] },
      api: { ...good, healthcheck: undefined, depends_on: { redis: { condition: 'service_started' } } },
    },
  }).join('\n');
  for (const text of [/api: has no health check/, /waits for redis by service_started/, /redis: publishes a port/])
    assert.match(faults, text);
});

test("A variable of compose.yaml that the example lacks is found, and one that is not used; a container's own is not asked for", () => {
  assert.deepEqual(environmentFaults('a: ${A:-1} $${OWN} ${B?}', 'A=1\nC=2\n'), [
    'B is in compose.yaml and not in .env.example',
    'C is in .env.example and not in compose.yaml',
  ]);
});
