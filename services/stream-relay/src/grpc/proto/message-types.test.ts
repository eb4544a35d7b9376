import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import protobuf from 'protobufjs';
import { messageTypes } from '../testing/message-types.js';
import { PROTO_FOLDER } from './service-definitions.js';

const FOLDER = join(PROTO_FOLDER, 'murmuration', 'v1');

describe('The gRPC contract', () => {
  test('The types in packages/contracts are those of the files: node scripts/proto-types.mjs writes them.', () => {
    assert.equal(
      readFileSync(join(PROTO_FOLDER, '..', 'packages', 'contracts', 'src', 'grpc.ts'), 'utf8'),
      messageTypes(),
    );
  });

  test('Every field, value and method says what it is.', () => {
    const silent: string[] = [];
    for (const file of readdirSync(FOLDER)) {
      const root = new protobuf.Root();
      root.resolvePath = (_origin, target) => join(PROTO_FOLDER, target);
      root.loadSync(`murmuration/v1/${file}`, { alternateCommentMode: true }).resolveAll();
      const inside = root.lookup('murmuration.v1') as protobuf.Namespace;
      for (const part of inside.nestedArray) {
        if (part instanceof protobuf.Type)
          silent.push(...part.fieldsArray.filter((field) => field.comment === null).map((field) => field.fullName));
        if (part instanceof protobuf.Service)
          silent.push(
            ...part.methodsArray.filter((method) => method.comment === null).map((method) => method.fullName),
          );
        if (part instanceof protobuf.Enum)
          silent.push(
            ...Object.keys(part.values)
              .filter((name) => typeof part.comments[name] !== 'string')
              .map((name) => `${part.fullName}.${name}`),
          );
      }
    }
    assert.deepEqual(silent, []);
  });
});
