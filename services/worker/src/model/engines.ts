import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PoolOptions, RecognizerPool } from '@murmuration/asr';
import type { Logger } from '@murmuration/runtime';

/** TensorRT's engines for one card, driver and version, on disk. */
export interface Engines {
  /** Where sessions keep and find them. */
  readonly folder: string;
  /** True once every engine of the model was built: it then loads in seconds. */
  readonly complete: boolean;
  /** Notes that all are there. */
  markComplete(): Promise<void>;
  /** Notes that they are to be built again: what is there could not be used. */
  forget(): Promise<void>;
}

/** The engines in a folder, which is made. @param model everything that an engine is built for beside the card */
export async function openEngines(
  folder: string,
  { slug, dtype, maxBatch }: { readonly slug: string; readonly dtype: string; readonly maxBatch: number | undefined },
): Promise<Engines> {
  await mkdir(folder, { recursive: true });
  const mark = join(folder, `${slug}-${dtype}-${maxBatch === undefined ? 'default' : String(maxBatch)}.complete`);
  return {
    folder,
    complete: existsSync(mark),
    markComplete: () => writeFile(mark, ''),
    forget: () => rm(mark, { force: true }),
  };
}

/**
 * Builds the engines while the pool's sessions serve, and lets TensorRT take over once it is warm. Never rejects: where it fails the pool goes on as it was.
 * @returns true when TensorRT serves
 */
export async function takeOver(
  pool: Pick<RecognizerPool, 'replaceSessions'>,
  options: Omit<PoolOptions, 'maxBatch'>,
  engines: Engines,
  logger: Pick<Logger, 'info' | 'warn'>,
): Promise<boolean> {
  const began = performance.now();
  logger.info({ engines: engines.folder }, 'CUDA serves while TensorRT builds its engines, which takes minutes, once');
  try {
    await pool.replaceSessions(options, (fraction, step) => {
      logger.info({ fraction: Math.round(fraction * 100) / 100, step }, 'building engines');
    });
    await engines.markComplete();
    logger.info({ seconds: Math.round((performance.now() - began) / 1_000) }, 'TensorRT serves from here on');
    return true;
  } catch (error) {
    logger.warn(
      { reason: error instanceof Error ? error.message : String(error) },
      'TensorRT cannot take over; CUDA goes on serving',
    );
    return false;
  }
}
