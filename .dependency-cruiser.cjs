// Direction of imports (docs/architecture.md). Sources are cruised; imports by package name resolve to a package's dist, which
// is why the build comes first and why dist may not be excluded: without it such imports would vanish and every rule would pass.

// Bottom first. A package may import packages of lower rows only.
const ROWS = [
  ['packages/contracts'],
  ['packages/runtime'],
  ['packages/onnx'],
  [
    'packages/access',
    'packages/audio',
    'packages/asr',
    'packages/client',
    'packages/outbound',
    'packages/store',
    'packages/transcript',
  ],
  ['packages/transcribe'],
  ['packages/service'],
  ['services/[^/]+', 'cli', 'console'],
];

const anyOf = (packages) => `^(${packages.join('|')})/`;

/** Each row may not import its own neighbours or what lies above; a package may always import itself. */
const direction = ROWS.map((row, i) => ({
  name: `direction-${String(i + 1)}`,
  comment:
    'Imports go services -> service -> transcribe -> access, audio, asr, outbound, store, transcript -> onnx, runtime -> contracts.',
  severity: 'error',
  from: { path: `^(${row.join('|')})/` },
  to: { path: anyOf(ROWS.slice(i).flat()), pathNot: '^$1/' },
}));

const owner = (name, comment, dependency, from) => ({
  name,
  comment,
  severity: 'error',
  from: { pathNot: from },
  to: { path: dependency },
});
const TESTING = '/testing(/|\\.ts$)';
const TESTS = `\\.test\\.ts$|^test/|/bench/|${TESTING}`;

module.exports = {
  forbidden: [
    ...direction,
    {
      name: 'console-is-a-client',
      comment:
        'The console does what any client can: it speaks through packages/client, and lays subtitles out as packages/transcript does.',
      severity: 'error',
      from: { path: '^console/' },
      to: { path: '^(packages|services|cli)/', pathNot: '^packages/(client|transcript)/' },
    },
    {
      name: 'no-import-of-test',
      comment: 'Nothing but test/ imports test/.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-import-of-testing',
      comment: 'What serves tests only stays out of the product.',
      severity: 'error',
      from: { pathNot: TESTS },
      to: { path: TESTING },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      comment:
        'An import that cannot be found is checked by no rule. Is the build there, and the package in package.json?',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: 'A package that is used stands in the package.json of the package that uses it.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-development-package',
      comment:
        'What is there for tests and builds is missing where only the product is installed. The set-up has installed everything.',
      severity: 'error',
      from: { pathNot: `^scripts/|^console/|${TESTS}` },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    owner(
      'onnxruntime-owner',
      'packages/onnx is the only one that touches onnxruntime-node and koffi; one function of the C library gives memory back.',
      '(^|/)node_modules/(onnxruntime|koffi)',
      '^packages/(onnx/|runtime/src/quiet-memory\\.ts$)',
    ),
    owner(
      'store-owner',
      'packages/store is the only one that touches BullMQ and ioredis; murmur up asks the Redis that it starts, murmur doctor the one that it looks at.',
      '(^|/)node_modules/(bullmq|ioredis)/',
      '^packages/store/|^cli/src/(up/own-redis|doctor/redis-server)\\.ts$',
    ),
    owner(
      'outbound-owner',
      'packages/outbound is the only one that asks addresses that clients name.',
      '(^|/)node_modules/undici/',
      '^packages/outbound/',
    ),
    owner(
      'storage-owner',
      'packages/store is the only one that speaks S3.',
      '(^|/)node_modules/@aws-sdk/',
      '^packages/store/',
    ),
    owner(
      'child-process-owner',
      'The decoders of packages/audio, the thread that asks the driver about GPUs, the microphone and murmur up of the command line, and the own cluster of load tests are the only ones that start programs.',
      '^(node:)?child_process$',
      `^scripts/|^packages/audio/src/decode/|^packages/runtime/src/gpu-thread\\.ts$|^cli/src/live/audio-input\\.ts$|^cli/src/up/(service|redis-keeper)\\.ts$|^loadtest/src/own-cluster\\.ts$|${TESTS}`,
    ),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    tsPreCompilationDeps: true,
    // The tools and the SDKs that tests use stand in the top package.json.
    combinedDependencies: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      mainFields: ['main', 'types'],
    },
    moduleSystems: ['es6', 'cjs'],
  },
};
