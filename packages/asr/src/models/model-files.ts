import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { leaveAlone } from '@murmuration/contracts/left-alone';

/** Element types of weights; `auto` is what suits the device. */
export type Dtype = 'auto' | 'fp32' | 'fp16' | 'int8';

/** A model that cannot be used as it lies there. No retry helps. Its message names the file (relative to the model's folder), what was expected and what was found. */
export class ModelFileFault extends Error {
  override readonly name = 'ModelFileFault';
}

/** How far finding a model is. */
export interface ModelProgress {
  /** `waiting`: another process fetches it. `pausing`: something failed and is tried again soon. */
  readonly step: 'waiting' | 'pausing' | 'downloading' | 'verifying';
  /** Why it pauses; '' otherwise. */
  readonly reason: string;
  /** Relative to the model's folder; '' while waiting and pausing. */
  readonly file: string;
  /** Bytes of all files that are done with this step, and of all that there are; both 0 while waiting and pausing. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type OnModelProgress = (progress: ModelProgress) => void;

/** A file of a published model. */
export interface PinnedFile {
  /** Relative to the model's folder. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface VerifyOptions {
  /** What mends a bad file: the end of the message. */
  readonly remedy: string;
  readonly onProgress?: OnModelProgress | undefined;
}

const PIECE_BYTES = 1024 * 1024;

/** Checks that each file is there, whole and unaltered. Throws `ModelFileFault` at the first that is not. Reads every byte: about 80 ms for 28 MB. */
export async function verifyFiles(
  folder: string,
  files: readonly PinnedFile[],
  { remedy, onProgress }: VerifyOptions,
): Promise<void> {
  for (const file of files) {
    const found = await stat(join(folder, file.name)).catch(leaveAlone('unreadable', null));
    if (found === null)
      throw new ModelFileFault(
        `the model file ${file.name} is missing: expected ${String(file.bytes)} bytes, found none. ${remedy}`,
      );
    if (found.size !== file.bytes)
      throw new ModelFileFault(
        `the model file ${file.name} is of another size: expected ${String(file.bytes)} bytes, found ${String(found.size)}. ${remedy}`,
      );
  }
  const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  let doneBytes = 0;
  for (const file of files) {
    const hash = createHash('sha256');
    for await (const piece of createReadStream(join(folder, file.name), { highWaterMark: PIECE_BYTES })) {
      hash.update(piece as Buffer);
      doneBytes += (piece as Buffer).length;
      onProgress?.({ step: 'verifying', reason: '', file: file.name, doneBytes, totalBytes });
    }
    const sha256 = hash.digest('hex');
    if (sha256 !== file.sha256)
      throw new ModelFileFault(
        `the model file ${file.name} is damaged: expected SHA-256 ${file.sha256}, found ${sha256}. ${remedy}`,
      );
  }
}
