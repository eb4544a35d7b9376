import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import type { HubSettings } from '../models/hub/hub-settings.js';
import { ModelFileFault } from '../models/model-files.js';
import { resolveModel, type ResolveOptions } from '../models/resolve-model.js';
import { COMMIT, TestHub, whisperRepository } from './hub-server.js';

/** The model that the hub has. */
export const ID = 'onnx-community/whisper-mini_timestamped';

/** A hub with a small Whisper, and an empty cache beside it. */
export interface HubAndCache {
  hub: TestHub;
  /** Of the hub's model. */
  files: Map<string, Buffer>;
  cacheDir: string;
  settings: HubSettings;
  readonly resolve: (options?: Partial<ResolveOptions>, model?: string) => ReturnType<typeof resolveModel>;
  /** Where the cache keeps the model. */
  readonly folder: (commit?: string) => string;
}

/** New ones for each test of the suite that calls this. */
export function eachWithHub(): HubAndCache {
  const made = {
    resolve: (options = {}, model = ID) =>
      resolveModel(model, { cacheDir: made.cacheDir, hub: made.settings, ...options }),
    folder: (commit = COMMIT) => join(made.cacheDir, 'hub', ID, commit),
  } as HubAndCache;
  beforeEach(async () => {
    made.cacheDir = await mkdtemp(join(tmpdir(), 'murmuration-hub-'));
    made.hub = await TestHub.start();
    made.files = whisperRepository();
    made.hub.add(ID, made.files);
    made.settings = { endpoint: made.hub.endpoint, token: null, offline: false, pauseMs: () => 0 };
  });
  afterEach(async () => {
    await made.hub.close();
    await rm(made.cacheDir, { recursive: true });
  });
  return made;
}

/** True for a fault of a model's files with such a message. */
export function faulty(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof ModelFileFault && message.test(error.message);
}
