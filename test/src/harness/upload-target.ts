import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patientConnection } from '@murmuration/store';
import { createLogger } from '@murmuration/runtime';
import { transcribe } from './api-requests.js';
import { fileForm, line, LocalServer, tell, type Told } from './attack.js';
import { Cluster } from './cluster.js';
import { samples, wavFile } from './wav.js';

/** Attacks go against the endpoint that answers and the one that accepts. */
export const ENDPOINTS = ['/transcribe', '/v1/jobs'] as const;
/** Size of the largest upload that is taken. */
export const MAX_BYTES = 8_000_000;
/** Headers of a recording as the body. */
export const RAW = { 'content-type': 'application/octet-stream' };

/** A cluster whose uploads are attacked, with a canary that nobody may come to. */
export class UploadTarget {
  readonly cluster: Cluster;
  readonly canary: LocalServer;
  /** Folder of spooled uploads. */
  readonly folder: string;
  /** A recording of speech. */
  readonly wav: Buffer;

  private constructor(cluster: Cluster, canary: LocalServer, folder: string, wav: Buffer) {
    this.cluster = cluster;
    this.canary = canary;
    this.folder = folder;
    this.wav = wav;
  }

  static async start(): Promise<UploadTarget> {
    const [clip] = await samples();
    assert.ok(clip);
    const folder = await mkdtemp(join(tmpdir(), 'murmuration-attacks-'));
    const canary = await LocalServer.start();
    const cluster = await Cluster.start({
      api: {
        MAX_UPLOAD_BYTES: String(MAX_BYTES),
        MAX_AUDIO_SECONDS: '3600',
        UPLOAD_IDLE_TIMEOUT_MS: '1500',
        SPOOL_DIR: folder,
      },
    });
    return new UploadTarget(cluster, canary, folder, wavFile(clip.pcm));
  }

  /** Throws when somebody came to the canary, or speech is heard no more. */
  async close(): Promise<void> {
    assert.equal(this.canary.connections, 0, 'somebody came to the canary');
    assert.ok((await transcribe(this.cluster.url, this.wav)).text.length > 0);
    this.canary.close();
    await this.cluster.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Sends the same to every endpoint. */
  async everywhere(init: () => RequestInit, query = ''): Promise<readonly Told[]> {
    const all: Told[] = [];
    for (const path of ENDPOINTS) all.push(await tell(`${this.cluster.url}${path}${query}`, init()));
    return all;
  }

  /** Throws unless every endpoint refuses so. */
  async refused(expected: string, init: () => RequestInit, query = ''): Promise<void> {
    for (const told of await this.everywhere(init, query)) assert.equal(line(told), expected, told.text.slice(0, 300));
  }

  /** Refused as no audio, or taken as what can be heard of it. A job that is accepted is brought to its end. */
  async refusedOrHeard(file: Uint8Array, name = 'speech.wav'): Promise<void> {
    for (const told of await this.everywhere(() => ({ body: fileForm(file, {}, name) }))) {
      if (told.status === 200) continue;
      if (told.status === 202) await this.ended((JSON.parse(told.text) as { id: string }).id);
      else assert.equal(line(told), '422 unprocessable_audio file', told.text.slice(0, 300));
    }
  }

  /** Waits for a job's end, `done` or `failed`. */
  async ended(id: string): Promise<string> {
    const events = await (await fetch(`${this.cluster.url}/v1/jobs/${id}/events`)).text();
    const last = /event: (\w+)\ndata: [^\n]*\n\n$/.exec(events)?.[1];
    assert.ok(last === 'done' || last === 'failed', events.slice(-300));
    return last;
  }

  /** Names of all keys in Redis. */
  async redisKeys(): Promise<string[]> {
    const redis = patientConnection(this.cluster.redis.url, createLogger({ service: 'test', level: 'silent' }));
    const keys = await redis.keys('*');
    await redis.quit();
    return keys;
  }

  /** Status of an answer that comes once the headers alone are sent. */
  beforeTheBody(path: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const asked = request(`${this.cluster.url}${path}`, { method: 'POST', agent: false, headers });
      asked
        .on('response', (answer) => {
          resolve(answer.statusCode);
          asked.destroy();
        })
        .on('error', reject);
      asked.flushHeaders();
    });
  }

  /** Memory of the API node's process in use. */
  async residentBytes(): Promise<number> {
    return Number((await readFile(`/proc/${String(this.cluster.api.pid)}/statm`, 'utf8')).split(' ')[1]) * 4_096;
  }
}
