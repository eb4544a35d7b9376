import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import type { AudioStoreSettings } from '@murmuration/runtime';
import type { ChunkIndex, JobId } from '@murmuration/contracts';
import { isJobName, requirePlace, type AudioStore, type PutOptions } from './audio-store.js';
import { packPcm, unpackPcm } from './pcm-packet.js';
import type { RedisMemory } from '../redis-health.js';
import type { StoreClaim } from './store-claim.js';

const ATTEMPTS = 3;
const CONNECTION_TIMEOUT_MS = 3_000;
/** Silence of the server within a request. */
const REQUEST_TIMEOUT_MS = 5_000;
/** A request deletes this many at most. */
const DELETE_AT_ONCE = 1_000;

/**
 * PCM in S3-compatible storage, under `PREFIX/JOB/INDEX`. Objects do not expire by themselves and cannot be kept longer: `sweep` removes
 * those of jobs that are not alive; a lifecycle rule of the bucket may do so too, after longer than any job lives.
 */
export class S3AudioStore implements AudioStore {
  readonly putLimitMs = 20_000;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #memory: RedisMemory;
  readonly #claim: Pick<StoreClaim, 'close'>;

  /** @param claim it is closed with the store */
  constructor(
    settings: Extract<AudioStoreSettings, { kind: 's3' }>,
    memory: RedisMemory,
    claim: Pick<StoreClaim, 'close'>,
  ) {
    this.#claim = claim;
    this.#bucket = settings.bucket;
    this.#prefix = settings.prefix;
    this.#memory = memory;
    this.#client = new S3Client({
      region: settings.region,
      maxAttempts: ATTEMPTS,
      // Host names made of buckets' names need wildcards in DNS, which servers of one's own seldom have.
      forcePathStyle: true,
      // Servers older than these checksums refuse requests that bring them.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECTION_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        throwOnRequestTimeout: true,
        socketTimeout: REQUEST_TIMEOUT_MS,
      },
      ...(settings.endpoint === null ? {} : { endpoint: settings.endpoint }),
      ...(settings.credentials === null ? {} : { credentials: { ...settings.credentials } }),
    });
  }

  async put(job: JobId, index: ChunkIndex, pcm: Uint8Array, _lifeMs: number, options: PutOptions = {}): Promise<void> {
    requirePlace(job, index);
    await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: this.#key(job, index),
        Body: await packPcm(pcm, options.compress ?? false),
      }),
    );
  }

  async get(job: JobId, index: ChunkIndex): Promise<Buffer | null> {
    requirePlace(job, index);
    try {
      const { Body } = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: this.#key(job, index) }),
      );
      if (Body === undefined) return null;
      const bytes = await Body.transformToByteArray();
      return await unpackPcm(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (error) {
      if (error instanceof NoSuchKey) return null;
      throw error;
    }
  }

  async delete(job: JobId, index: ChunkIndex): Promise<void> {
    requirePlace(job, index);
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#key(job, index) }));
  }

  async deleteAll(job: JobId): Promise<void> {
    requirePlace(job, 0);
    let keys: string[] = [];
    for await (const { key } of this.#list(`${job}/`)) {
      keys.push(key);
      if (keys.length === DELETE_AT_ONCE) {
        await this.#deleteKeys(keys);
        keys = [];
      }
    }
    if (keys.length > 0) await this.#deleteKeys(keys);
  }

  keep(): Promise<void> {
    return Promise.resolve();
  }

  /** The storage itself is taken to have no end. */
  hasRoom(): Promise<boolean> {
    return this.#memory.hasRoom();
  }

  async sweep(idleMs: number, isAlive: (job: JobId) => Promise<boolean>): Promise<number> {
    let swept = 0;
    for await (const { job, newestMs } of this.#jobs()) {
      if (Date.now() - newestMs < idleMs || (await isAlive(job))) continue;
      await this.deleteAll(job);
      swept++;
    }
    return swept;
  }

  close(): void {
    this.#claim.close();
    this.#client.destroy();
  }

  #key(job: JobId, index: ChunkIndex): string {
    return `${this.#prefix}/${job}/${String(index)}`;
  }

  /** Every job of which something is there, and when the newest of it came. Lists come in the order of keys, so a job's objects stand together. */
  async *#jobs(): AsyncGenerator<{ readonly job: JobId; readonly newestMs: number }> {
    let job: JobId | null = null;
    let newestMs = 0;
    for await (const { key, modifiedMs } of this.#list('')) {
      const name = key.slice(this.#prefix.length + 1).split('/')[0] ?? '';
      if (!isJobName(name)) continue;
      if (name !== job) {
        if (job !== null) yield { job, newestMs };
        job = name;
        newestMs = 0;
      }
      newestMs = Math.max(newestMs, modifiedMs);
    }
    if (job !== null) yield { job, newestMs };
  }

  async *#list(under: string): AsyncGenerator<{ readonly key: string; readonly modifiedMs: number }> {
    for await (const page of paginateListObjectsV2(
      { client: this.#client },
      { Bucket: this.#bucket, Prefix: `${this.#prefix}/${under}` },
    )) {
      // An object of unknown age counts as new.
      for (const { Key, LastModified } of page.Contents ?? [])
        if (Key !== undefined) yield { key: Key, modifiedMs: LastModified?.getTime() ?? Date.now() };
    }
  }

  async #deleteKeys(keys: readonly string[]): Promise<void> {
    const { Errors } = await this.#client.send(
      new DeleteObjectsCommand({
        Bucket: this.#bucket,
        Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
      }),
    );
    if (Errors !== undefined && Errors.length > 0)
      throw new Error(`the storage kept ${String(Errors.length)} objects that were to go`);
  }
}
