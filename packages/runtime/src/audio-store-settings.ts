import { resolve } from 'node:path';
import { z } from 'zod';
import { EnvironmentError, integerVariable, type parseEnvironment } from './environment.js';
import { redisUrlVariable } from './redis-settings.js';

/** Where the PCM of chunks lies until they are done. Every service of a cluster has the same. */
export type AudioStoreSettings =
  /**
   * A Redis beside the cluster's own.
   * @param budgetBytes here and below: memory that a Redis may use when it names no `maxmemory`
   */
  | { readonly kind: 'redis'; readonly budgetBytes: number; readonly url: string }
  /** A folder of one machine, or a volume that all of them see. */
  | { readonly kind: 'directory'; readonly budgetBytes: number; readonly dir: string }
  | {
      readonly kind: 's3';
      readonly budgetBytes: number;
      /** Null for AWS' own of the region. */
      readonly endpoint: string | null;
      readonly bucket: string;
      readonly region: string;
      /** What every key begins with; a cluster's own. */
      readonly prefix: string;
      /** Null to take them from where the AWS SDK looks. */
      readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
    };

/** The variables of the audio store, for the shape of a service's environment. */
export const audioStoreVariables = {
  AUDIO_STORE: z.enum(['redis', 'directory', 's3'], { error: 'must be redis, directory or s3' }).default('directory'),
  AUDIO_STORE_BYTES: integerVariable(1_000_000, Number.MAX_SAFE_INTEGER, 'bytes').default(512 * 1024 ** 2),
  AUDIO_REDIS_URL: redisUrlVariable.optional(),
  AUDIO_STORE_DIR: z.string().default('.murmuration/audio'),
  S3_ENDPOINT: z
    .string()
    .refine((value) => /^https?:\/\/[^/\s?#@]+\/?$/.test(value), 'must be an http(s) address without a path')
    .optional(),
  S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
    .optional(),
  S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,63}$/, 'must be the name of a region')
    .default('us-east-1'),
  S3_PREFIX: z
    .string()
    .regex(/^[\w.-]{1,100}(\/[\w.-]{1,100}){0,5}$/, 'must be letters, digits, dots, _ and -, with slashes between')
    .default('murmuration'),
  S3_ACCESS_KEY_ID: z.string().optional(),
  S3_SECRET_ACCESS_KEY: z.string().optional(),
};

/** The settings that the variables mean. Throws `EnvironmentError` when they do not fit together. */
export function audioStoreSettings(
  variables: ReturnType<typeof parseEnvironment<typeof audioStoreVariables>>,
): AudioStoreSettings {
  const budgetBytes = variables.AUDIO_STORE_BYTES;
  switch (variables.AUDIO_STORE) {
    case 'redis': {
      if (variables.AUDIO_REDIS_URL === undefined)
        throw new EnvironmentError(
          'AUDIO_REDIS_URL: must be set where AUDIO_STORE is redis: the address of a Redis that is not that of REDIS_URL, whose writes would wait for audio. On one machine AUDIO_STORE=directory needs none',
        );
      return { kind: 'redis', budgetBytes, url: variables.AUDIO_REDIS_URL };
    }
    case 'directory':
      return { kind: 'directory', budgetBytes, dir: resolve(variables.AUDIO_STORE_DIR) };
    case 's3': {
      const { S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = variables;
      if (bucket === undefined) throw new EnvironmentError('S3_BUCKET: must be set where AUDIO_STORE is s3');
      if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
        throw new EnvironmentError('S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY: set both, or neither');
      const credentials =
        accessKeyId === undefined || secretAccessKey === undefined ? null : { accessKeyId, secretAccessKey };
      return {
        kind: 's3',
        budgetBytes,
        bucket,
        credentials,
        endpoint: variables.S3_ENDPOINT ?? null,
        region: variables.S3_REGION,
        prefix: variables.S3_PREFIX,
      };
    }
  }
}
