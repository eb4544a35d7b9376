import { access, constants, mkdir } from 'node:fs/promises';
import type { AudioStoreSettings } from '@murmuration/runtime';
import { leaveAlone } from '@murmuration/contracts/left-alone';
import { whenReady, type Redis } from '../connections.js';
import type { AudioStore } from './audio-store.js';
import { DirectoryAudioStore } from './directory-audio-store.js';
import { RedisAudioStore } from './redis-audio-store.js';
import { RedisMemory } from '../redis-health.js';
import { StoreClaim, StoreMismatch } from './store-claim.js';

const READY_WAIT_MS = 2_000;

/**
 * Opens the store that the settings name. Throws an `Error` when its folder cannot be used, and `StoreMismatch` when the cluster uses another store;
 * that is left for later where Redis does not answer. Storage over the network is not asked.
 * @param redis the cluster's, which stays the caller's
 * @param connect makes the connection to the Redis of `AUDIO_REDIS_URL`, which closes with the store
 */
export async function openAudioStore(
  settings: AudioStoreSettings,
  redis: Redis,
  connect: (url: string) => Redis,
): Promise<AudioStore> {
  if (settings.kind === 'directory') await requireFolder(settings.dir);
  const claim = new StoreClaim(redis, settings);
  try {
    await claim.check();
  } catch (error) {
    if (error instanceof StoreMismatch) {
      claim.close();
      throw error;
    }
  }
  const memory = new RedisMemory(redis, settings.budgetBytes);
  switch (settings.kind) {
    case 'directory':
      return new DirectoryAudioStore(claim, memory);
    case 'redis': {
      const audio = connect(settings.url);
      // One that is away is told to those who use the store.
      await whenReady(audio, READY_WAIT_MS).catch(leaveAlone('repeated'));
      return new RedisAudioStore(audio, settings.budgetBytes, memory, claim);
    }
    case 's3': {
      // Loading the SDK takes a fifth of a second and 30 MB: only where it is used.
      const { S3AudioStore } = await import('./s3-audio-store.js');
      return new S3AudioStore(settings, memory, claim);
    }
  }
}

async function requireFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error('AUDIO_STORE_DIR: the folder cannot be made or written to', { cause: error });
  }
}
