import type { AudioStoreSettings } from '@murmuration/runtime';
import type { Redis } from 'ioredis';
import type { AudioStore } from './audio-store.js';
import { DirectoryAudioStore } from './directory-audio-store.js';
import { RedisAudioStore } from './redis-audio-store.js';
import { RedisMemory } from './redis-memory.js';

/** Opens the store that the settings name. Throws an `Error` when its folder cannot be used; storage over the network is not asked. */
export async function openAudioStore(settings: AudioStoreSettings, redis: Redis): Promise<AudioStore> {
  const memory = new RedisMemory(redis, settings.budgetBytes);
  switch (settings.kind) {
    case 'redis': return new RedisAudioStore(redis, settings.budgetBytes);
    case 'directory': {
      try {
        return await DirectoryAudioStore.open(settings.dir, memory);
      } catch (error) {
        throw new Error('AUDIO_STORE_DIR: the folder cannot be made or written to', { cause: error });
      }
    }
    case 's3': {
      // Loading the SDK takes a fifth of a second and 30 MB: only where it is used.
      const { S3AudioStore } = await import('./s3-audio-store.js');
      return new S3AudioStore(settings, memory);
    }
  }
}
