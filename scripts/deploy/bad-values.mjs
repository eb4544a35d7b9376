/** What a person may write by mistake, beside the values of ci/laptop-values.yaml, and what the refusal has to say. */
export const BAD_VALUES = [
  { what: 'a misspelt key', values: { api: { replcas: 2 } }, says: /replcas/ },
  { what: 'a misspelt key of a pool', values: { workerPools: { cpu: { modle: 'base' } } }, says: /modle/ },
  { what: 'a negative number', values: { api: { replicas: -1 } }, says: /api\/replicas.*want 1/ },
  {
    what: 'a device that there is not',
    values: { workerPools: { cpu: { device: 'gpu' } } },
    says: /workerPools\/cpu\/device.*'cuda'/,
  },
  {
    what: 'a grace period that is shorter than the drain of the API',
    values: { api: { terminationGracePeriodSeconds: 70 } },
    says: /api\.terminationGracePeriodSeconds: .*Write 76 or more/,
  },
  {
    what: 'a drain that is longer than the grace period of the relay',
    values: { relay: { drainSeconds: 600 } },
    says: /relay\.terminationGracePeriodSeconds: .*Write 616 or more/,
  },
  {
    what: 'a grace period that is shorter than the drain of a pool',
    values: { workerPools: { cpu: { drainSeconds: 80 } } },
    says: /workerPools\.cpu\.terminationGracePeriodSeconds: .*Write 85 or more/,
  },
  {
    what: 'a GPU pool without a GPU',
    values: { workerPools: { gpu: { device: 'cuda' } } },
    says: /workerPools\.gpu\.gpu\.resourceName: .*Write nvidia\.com\/gpu/,
  },
  {
    what: 'a GPU that the device does not use',
    values: { workerPools: { cpu: { gpu: { resourceName: 'nvidia.com/gpu' } } } },
    says: /workerPools\.cpu\.gpu\.resourceName: .*Write device: cuda/,
  },
  {
    what: 'a rollout that cannot begin',
    values: { workerPools: { cpu: { rollingUpdate: { maxUnavailable: 0, maxSurge: 0 } } } },
    says: /workerPools\.cpu\.rollingUpdate: .*Write maxUnavailable: 1/,
  },
  {
    what: 'a public address without keys',
    values: { ingress: { enabled: true, host: 'speech.example.com' } },
    says: /auth\.disabled: .*Write auth\.disabled: false/,
  },
  {
    what: 'a public route without keys',
    values: { gateway: { enabled: true, parentRefs: [{ name: 'public' }] } },
    says: /auth\.disabled: /,
  },
  {
    what: 'neither keys nor a word that none are wanted',
    values: { auth: { disabled: false } },
    says: /auth\.existingSecret: is empty\. Write/,
  },
  { what: 'keys and no keys', values: { auth: { existingSecret: 'keys' } }, says: /auth\.disabled: contradicts/ },
  {
    what: 'a bundled Redis with two replicas',
    values: { redis: { bundled: { replicas: 2 } } },
    says: /redis\.bundled\.replicas: is 2.*Write 1/,
  },
  {
    what: 'a bundled Redis without a password',
    values: { redis: { bundled: { existingSecret: '' } } },
    says: /redis\.bundled\.existingSecret: is empty\. Write/,
  },
  {
    what: 'no Redis',
    values: { redis: { bundled: { enabled: false } } },
    says: /redis\.external\.existingSecret: is empty\. Write/,
  },
  {
    what: 'one Redis of somebody else for the queue and audio',
    values: { redis: { bundled: { enabled: false }, external: { existingSecret: 'redis' } } },
    says: /audioStore\.redis\.existingSecret: is empty\. Write/,
  },
  {
    what: 'two Redis',
    values: { redis: { external: { existingSecret: 'redis' } } },
    says: /redis\.external\.existingSecret: contradicts/,
  },
  {
    what: 'S3 without a bucket',
    values: { audioStore: { type: 's3' } },
    says: /audioStore\.s3\.bucket: is empty\. Write/,
  },
  {
    what: 'scaling without a speed',
    values: { workerPools: { cpu: { scaling: { enabled: true, modelId: 'base' } } } },
    says: /workerPools\.cpu\.scaling\.audioSecondsPerSecond: .*Write/,
  },
  {
    what: 'scaling without a model',
    values: { workerPools: { cpu: { scaling: { enabled: true, audioSecondsPerSecond: 10 } } } },
    says: /workerPools\.cpu\.scaling\.modelId: .*Write/,
  },
  {
    what: 'scaling to zero without KEDA',
    values: {
      workerPools: { cpu: { scaling: { enabled: true, audioSecondsPerSecond: 10, modelId: 'base', minReplicas: 0 } } },
    },
    says: /workerPools\.cpu\.scaling\.minReplicas: .*Write 1, or keda\.enabled: true/,
  },
  {
    what: 'certificates for the bundled Redis',
    values: { redis: { external: { caSecret: 'ca' } } },
    says: /redis\.external: .*Remove caSecret/,
  },
  {
    what: 'two places for models',
    values: { modelCache: { nodePath: '/models', persistent: true } },
    says: /modelCache\.nodePath: contradicts.*Write/,
  },
  {
    what: 'a place for models that is no path',
    values: { modelCache: { nodePath: 'models' } },
    says: /modelCache\/nodePath/,
  },
  {
    what: 'bounds of scaling the wrong way round',
    values: { api: { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 2 } } },
    says: /api\.autoscaling\.minReplicas: .*Write 2 or less/,
  },
  {
    what: 'a variable that the chart sets',
    values: { env: { api: { REDIS_URL: 'redis://elsewhere' } } },
    says: /env\.api\.REDIS_URL: .*Remove it/,
  },
  {
    what: 'offline without the model',
    values: { workerPools: { cpu: { model: 'base' } }, modelCache: { offline: true } },
    says: /modelCache\.offline: .*Write modelCache\.persistent: true/,
  },
  {
    what: 'a claim that is not used',
    values: { modelCache: { existingClaim: 'models' } },
    says: /modelCache\.existingClaim: .*Write/,
  },
  {
    what: 'an ingress without a host',
    values: { auth: { disabled: false, existingSecret: 'keys' }, ingress: { enabled: true } },
    says: /ingress\.host: is empty\. Write/,
  },
  {
    what: 'routes without a gateway',
    values: { auth: { disabled: false, existingSecret: 'keys' }, gateway: { enabled: true } },
    says: /gateway\.parentRefs: is empty\. Write/,
  },
  { what: 'no pool', values: { workerPools: null }, says: /workerPools/ },
  { what: 'a size that means nothing', values: { api: { spoolSize: 'large' } }, says: /api\/spoolSize/ },
];
