import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { OnnxError } from '../onnx-error.js';
import { LIBRARY_VERSION } from './api-table.js';
import { loadNativeLibrary, shippedLibrary } from './native-library.js';

const require = createRequire(import.meta.url);

function faultOf(load: () => unknown): OnnxError {
  try {
    load();
  } catch (error) {
    assert.ok(error instanceof OnnxError, String(error));
    return error;
  }
  return assert.fail('nothing was thrown');
}

test('The version of the table is that of the installed onnxruntime-node', () => {
  const { version } = require('onnxruntime-node/package.json') as { version: string };
  assert.equal(LIBRARY_VERSION, version);
});

test('The shipped library is loaded once a thread', () => {
  const library = loadNativeLibrary();
  assert.equal(library.path, shippedLibrary());
  assert.equal(loadNativeLibrary(), library);
});

test('A library of another version is refused in one sentence that names file and versions', () => {
  const fault = faultOf(() => loadNativeLibrary(shippedLibrary(), '1.31.0'));
  assert.equal(fault.code, 'library_version');
  assert.ok(fault.message.includes(`${shippedLibrary()} is version ${LIBRARY_VERSION}, this build needs 1.31.0`));
});

test('A missing library is refused in one sentence that names it', () => {
  const fault = faultOf(() => loadNativeLibrary('/nowhere/libonnxruntime.so.1'));
  assert.equal(fault.code, 'library_missing');
  assert.match(fault.message, /\/nowhere\/libonnxruntime\.so\.1 is missing: install onnxruntime-node 1\./);
});

test('A file that is no library is refused in one sentence that names it', () => {
  const fault = faultOf(() => loadNativeLibrary(require.resolve('onnxruntime-node/package.json')));
  assert.equal(fault.code, 'library_missing');
  assert.match(fault.message, /package\.json cannot be loaded/);
});

test('A library without the symbol is refused in one sentence that names it', (context) => {
  // Any other shared library will do: the binary that the calls themselves go through.
  const folder = join(require.resolve('koffi'), '../../@koromix');
  const other = (existsSync(folder) ? readdirSync(folder, { recursive: true }) : [])
    .map((name) => join(folder, String(name)))
    .find((name) => name.endsWith('.node') && !name.includes('musl'));
  if (other === undefined) {
    context.skip('the binary of koffi was not found');
    return;
  }
  const fault = faultOf(() => loadNativeLibrary(other));
  assert.equal(fault.code, 'symbol_missing');
  assert.ok(fault.message.includes(`${other} has no OrtGetApiBase`), fault.message);
});
