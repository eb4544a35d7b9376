import tseslint from 'typescript-eslint';

const TEST_FILES = ['**/*.test.ts', 'test/**/*.ts', '**/testing/**/*.ts', '**/testing.ts', '**/bench/**/*.ts'];

// One owner for the environment: each program's config.ts. Everything else is given what it needs.
const ENVIRONMENT_MESSAGE =
  'Only config.ts of a service or of the command line reads the environment; pass the value in.';
const NO_ENVIRONMENT = {
  'no-restricted-properties': ['error', { object: 'process', property: 'env', message: ENVIRONMENT_MESSAGE }],
  'no-restricted-imports': [
    'error',
    {
      paths: ['process', 'node:process'].map((name) => ({ name, importNames: ['env'], message: ENVIRONMENT_MESSAGE })),
    },
  ],
};

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '.murmuration/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...NO_ENVIRONMENT,
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          // node:test keeps track of what these return.
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['test', 'describe', 'it', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
            },
          ],
        },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    // A failure is handled, told or counted: see packages/contracts/src/left-alone.ts.
    files: ['packages/*/src/**/*.ts', 'services/*/src/**/*.ts'],
    ignores: ['packages/client/**', ...TEST_FILES],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.property.name='catch'] > ArrowFunctionExpression[params.length=0]:matches([body.type='Identifier'], [body.type='Literal'], [body.type='ArrayExpression'], [body.type='BlockStatement'][body.body.length=0])",
          message:
            'Give the reason with leaveAlone(reason), or settled/awaitedLater where others are told of the failure.',
        },
      ],
    },
  },
  {
    // Handlers of React return nothing, whatever they begin; the console is no process with an environment.
    files: ['console/src/**/*.ts', 'console/src/**/*.tsx'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: { '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }] },
  },
  {
    files: ['services/*/src/config.ts', 'cli/src/config.ts', 'loadtest/src/config.ts', ...TEST_FILES],
    rules: { 'no-restricted-properties': 'off', 'no-restricted-imports': 'off' },
  },
  {
    files: ['**/bench/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // k6's types declare what is a plain object to k6 as instances of classes.
    files: ['loadtest/k6/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    extends: [tseslint.configs.strict],
    languageOptions: { parserOptions: { projectService: false } },
    rules: {
      eqeqeq: 'error',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
);
