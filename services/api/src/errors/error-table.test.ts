import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { ERRORS, type ErrorCode } from '@murmuration/contracts';
import { testApp } from '../testing/test-app.js';

const codes = Object.keys(ERRORS) as ErrorCode[];
const jobPaths = [
  '',
  '/{id}',
  '/{id}/events',
  '/{id}/deliveries',
  '/{id}/redeliver',
  ...['json', 'txt', 'srt', 'vtt', 'tsv'].map((name) => `/{id}/transcript.${name}`),
].map((rest) => `/v1/jobs${rest}`);
const documentation = new URL('../../../../docs/errors.md', import.meta.url);

interface OpenApi {
  readonly openapi: string;
  readonly components: {
    readonly schemas: Readonly<
      Record<
        string,
        {
          readonly properties: {
            readonly error: { readonly properties: { readonly code: { readonly enum: string[] } } };
          };
        }
      >
    >;
  };
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
            readonly parameters?: readonly { readonly name: string }[];
            readonly responses: Readonly<Record<string, { readonly description: string }>>;
          }
        >
      >
    >
  >;
}

describe('Error table, documentation and API description', () => {
  test('docs/errors.md has one row a code, with the status, the gRPC name, the advice on repeating and the meaning of the table.', async () => {
    const rows = (await readFile(documentation, 'utf8')).split('\n').filter((line) => line.startsWith('| `'));
    const expected = codes.map(
      (code) =>
        `| \`${code}\` | ${String(ERRORS[code].http)} | ${ERRORS[code].grpc} | ${ERRORS[code].retry ? 'yes' : 'no'} | ${ERRORS[code].meaning} |`,
    );
    assert.deepEqual(rows.sort(), expected.sort());
  });

  test('The API description knows every code and no other.', async (t) => {
    const { app } = await testApp(t);
    const document = (await app.inject({ url: '/openapi.json' })).json<OpenApi>();
    assert.match(document.openapi, /^3\.1\./);
    const referred = new Set(
      [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map((match) => match[1]),
    );
    assert.deepEqual([...referred].sort(), Object.keys(document.components.schemas).sort());
    assert.deepEqual(
      document.components.schemas['Error']?.properties.error.properties.code.enum.sort(),
      [...codes].sort(),
    );
  });

  test('Each code that a route names stands under its own status.', async (t) => {
    const { app } = await testApp(t);
    const document = (await app.inject({ url: '/openapi.json' })).json<OpenApi>();
    let named = 0;
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      for (const [status, { description }] of Object.entries(operation.responses)) {
        for (const [, code] of description.matchAll(/^`([a-z_]+)`: /gm)) {
          assert.equal(ERRORS[code as ErrorCode].http, Number(status));
          named += 1;
        }
      }
    }
    assert.ok(named > 40);
  });

  test('The API description has the fields of uploads, as parameters and in the form, and raw bodies.', async (t) => {
    const { app } = await testApp(t);
    const document = (await app.inject({ url: '/openapi.json' })).json<OpenApi>();
    const upload = document.paths['/transcribe']?.['post'];
    assert.ok(upload?.parameters?.some((parameter) => parameter.name === 'word_timestamps'));
    const form = upload?.requestBody?.content['multipart/form-data'] as {
      schema: { properties: Record<string, Record<string, unknown>> };
    };
    assert.equal(form.schema.properties['file']?.['format'], 'binary');
    assert.equal(form.schema.properties['threshold']?.['type'], 'number');
    assert.deepEqual(upload?.requestBody?.content['audio/*'], { schema: { type: 'string', format: 'binary' } });
    assert.deepEqual(
      Object.keys(document.paths).sort(),
      [
        '/asr',
        '/capabilities',
        '/detect-language',
        '/health',
        '/sessions',
        '/transcribe',
        '/transcribe/stream',
        '/v1/audio/transcriptions',
        '/v1/audio/translations',
        '/v1/cluster',
        ...jobPaths,
        '/v1/keys',
        '/v1/keys/{id}',
        '/v1/listen',
        '/v1/realtime/client_secrets',
        '/v1/models',
        '/v1/models/{id}',
        '/v1/sessions/{id}',
        '/v1/sessions/{id}/events',
        '/v1/tickets',
        '/v1/usage',
      ].sort(),
    );
  });
});
