import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiPage } from './openapi-page.mjs';

test('Every operation is a section with its fields, once each, and its answers', () => {
  const field = {
    anyOf: [{ type: 'integer', minimum: 1, maximum: 9 }, { type: 'null' }],
    description: 'How <many> | `a<b`.',
  };
  const page = openApiPage({
    paths: {
      '/v1/things/{id}': {
        get: {
          summary: 'A thing.',
          parameters: [
            { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
            { name: 'count', in: 'query', schema: field },
          ],
          responses: {
            200: { description: 'It.', content: { 'application/json': {} } },
            404: { description: 'None.' },
          },
        },
        post: {
          requestBody: {
            content: {
              'multipart/form-data': { schema: { $ref: '#/components/schemas/Form' } },
              'audio/*': { schema: { type: 'string' } },
            },
          },
          responses: {},
        },
      },
    },
    components: {
      schemas: {
        Form: {
          properties: {
            file: { type: 'string', format: 'binary' },
            kind: { enum: ['a', 'b'] },
            list: { type: 'array', items: { type: 'string' } },
          },
        },
      },
    },
  });
  const [, read, write] = page.split('\n## ');
  assert.match(read, /^`GET \/v1\/things\/\{id\}`\n\nA thing\.\n/);
  assert.match(read, /\| `id` \(required\) \| path \| string \|/);
  assert.match(read, /\| `count` \| query \| integer from 1 to 9 or null \| How &lt;many> \\\| `a<b`\. \|/);
  assert.match(read, /\| 200 \| It\. `application\/json` \|\n\| 404 \| None\. \|/);
  assert.match(write, /Body: `multipart\/form-data`, `audio\/\*`\./);
  assert.match(write, /\| `file` \| body \| bytes \|/);
  assert.match(write, /\| `kind` \| body \| `a` `b` \|/);
  assert.match(write, /\| `list` \| body \| list of string \|/);
});
