import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AudioStoreSettings } from '@murmuration/runtime';

/** An S3-compatible server of a test's own, with an empty bucket. */
export interface TestS3 {
  /** Settings of a store in its bucket. */
  readonly settings: Extract<AudioStoreSettings, { kind: 's3' }>;
  close(): Promise<void>;
}

const BUCKET = 'audio';

/** Starts a server as a process of its own on a free port. */
export async function startS3(): Promise<TestS3> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./s3-process.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  const exited = once(child, 'exit');
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    exited.then(() => Promise.reject(new Error('the S3 server ended before it was ready'))),
  ])) as [Buffer];
  child.stdout.resume();
  const endpoint = `http://127.0.0.1:${/\d+/.exec(line.toString())?.[0] ?? ''}`;
  const made = await fetch(`${endpoint}/${BUCKET}`, { method: 'PUT' });
  if (!made.ok) throw new Error(`the bucket cannot be made: HTTP status ${String(made.status)}`);
  return {
    settings: {
      kind: 's3',
      budgetBytes: 1_000_000_000,
      endpoint,
      bucket: BUCKET,
      region: 'us-east-1',
      prefix: 'test/audio',
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    },
    close: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
