import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { KeyFileError } from './key-entry.js';
import { KeyFile, type KeyFileOptions } from './key-file.js';
import { hashOf } from './secret.js';

const NOW_MS = Date.now();

function fileOf(...keys: readonly string[]): string {
  return JSON.stringify(
    keys.map((key) => ({
      name: 'acme',
      id: `id-${key}`,
      sha256: hashOf(key).toString('hex'),
      scopes: ['read'],
      created_at: '2026-01-01T00:00:00Z',
    })),
  );
}

/** Log lines, and whom to wake when one comes. */
class Log {
  readonly lines: string[] = [];
  #wake: () => void = () => undefined;

  readonly logger: KeyFileOptions['logger'] = {
    info: (fields: unknown, text?: string) => {
      this.#add('info', fields, text);
    },
    error: (fields: unknown, text?: string) => {
      this.#add('error', fields, text);
    },
  } as KeyFileOptions['logger'];

  count(level: string): number {
    return this.lines.filter((line) => line.startsWith(level)).length;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  #add(level: string, fields: unknown, text: string | undefined): void {
    this.lines.push(`${level} ${text ?? ''} ${JSON.stringify(fields)}`);
    this.#wake();
  }
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keys-test-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function opened(t: TestContext, path: string, log: Log, more: Partial<KeyFileOptions> = {}): Promise<KeyFile> {
  const file = await KeyFile.open({ path, logger: log.logger, ...more });
  t.after(() => {
    file.close();
  });
  return file;
}

/** A file that is read only when the test says so. */
const BY_HAND = { watch: false, pollMs: 1_000_000 };

describe('KeyFile', () => {
  test('A file that is not there or not usable stops the start with a sentence that holds no path', async (t) => {
    const path = join(await folder(t), 'keys.json');
    const log = new Log();
    await assert.rejects(
      KeyFile.open({ path, logger: log.logger }),
      (error: Error) =>
        error instanceof KeyFileError &&
        /cannot be read \(ENOENT\)/.test(error.message) &&
        !error.message.includes(path),
    );
    await writeFile(path, '{}');
    await assert.rejects(KeyFile.open({ path, logger: log.logger }), /must be a list of keys/);
    await truncate(path, 8 * 1024 * 1024 + 1);
    await assert.rejects(KeyFile.open({ path, logger: log.logger }), /larger than 8388608 bytes/);
  });

  test('A change is taken when the system tells of it, whether the file is written or replaced', async (t) => {
    const path = join(await folder(t), 'keys.json');
    await writeFile(path, fileOf('one'));
    const log = new Log();
    const file = await opened(t, path, log, { pollMs: 1_000_000 });
    assert.equal(file.ring.find('one', NOW_MS)?.keyId, 'id-one');
    await writeFile(path, fileOf('two'));
    await log.until(() => file.ring.find('two', NOW_MS) !== null);
    assert.equal(file.ring.find('one', NOW_MS), null);
    await writeFile(`${path}.new`, fileOf('three'));
    await rename(`${path}.new`, path);
    await log.until(() => file.ring.find('three', NOW_MS) !== null);
  });

  test('A mounted secret, which is a link that is turned to another folder, is followed', async (t) => {
    const root = await folder(t);
    const path = join(root, 'keys.json');
    await writeFile(join(root, 'data-1'), fileOf('one'));
    await writeFile(join(root, 'data-2'), fileOf('two'));
    await symlink('data-1', join(root, 'data'));
    await symlink('data', path);
    const log = new Log();
    const file = await opened(t, path, log, { pollMs: 1_000_000 });
    await symlink('data-2', join(root, 'data.new'));
    await rename(join(root, 'data.new'), join(root, 'data'));
    await log.until(() => file.ring.find('two', NOW_MS) !== null);
  });

  test('A change is taken by the clock where nothing tells of it', async (t) => {
    const path = join(await folder(t), 'keys.json');
    await writeFile(path, fileOf('one'));
    const log = new Log();
    const file = await opened(t, path, log, { watch: false, pollMs: 5 });
    await writeFile(path, fileOf('two'));
    await log.until(() => file.ring.find('two', NOW_MS) !== null);
  });

  test('A file that becomes unusable or vanishes leaves the old keys, is logged once, and a good one is taken again', async (t) => {
    const path = join(await folder(t), 'keys.json');
    await writeFile(path, fileOf('one'));
    const log = new Log();
    const file = await opened(t, path, log, BY_HAND);
    await writeFile(path, '[{"name": "acme"}]');
    await file.reread();
    await file.reread();
    assert.equal(log.count('error'), 1);
    assert.match(log.lines.at(-1) ?? '', /the old keys stay .*entry 1 \(acme\)/);
    await unlink(path);
    await file.reread();
    await file.reread();
    assert.equal(log.count('error'), 2);
    assert.equal(file.ring.find('one', NOW_MS)?.keyId, 'id-one');
    await writeFile(path, fileOf('one', 'two'));
    await file.reread();
    assert.equal(file.ring.size, 2);
    await unlink(path);
    await file.reread();
    assert.equal(log.count('error'), 3);
  });

  test('The same text is not read into keys again, and calls at once share a reading', async (t) => {
    const path = join(await folder(t), 'keys.json');
    await writeFile(path, fileOf('one'));
    const log = new Log();
    const file = await opened(t, path, log, BY_HAND);
    const { ring } = file;
    await Promise.all([file.reread(), file.reread(), file.reread()]);
    assert.equal(file.ring, ring);
    assert.equal(log.count('info'), 1);
  });

  test('A closed file keeps its keys as they were', async (t) => {
    const path = join(await folder(t), 'keys.json');
    await writeFile(path, fileOf('one'));
    const file = await opened(t, path, new Log(), BY_HAND);
    await writeFile(path, fileOf('two'));
    const reading = file.reread();
    file.close();
    await reading;
    assert.equal(file.ring.find('one', NOW_MS)?.keyId, 'id-one');
  });
});
