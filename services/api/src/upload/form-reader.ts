import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { AsrError } from '@murmuration/contracts';
import { awaitedLater } from '@murmuration/contracts/left-alone';
import { tooLarge, type BodyReader } from './body-reader.js';

export interface FormLimits {
  readonly maxFields: number;
  readonly maxFileBytes: number;
  /** Name of the part that is the recording. */
  readonly fileField: string;
}

/** What a file's part says of it. Its name is never kept, only the extension. */
export interface FilePart {
  readonly contentType: string | null;
  /** Without the dot, lower case; null when the name has none. */
  readonly extension: string | null;
}

/** Told of a form's parts in their order. What it throws ends the form. */
export interface FormListener {
  onField(name: string, value: string): void;
  /** The part that is the recording begins. */
  onFile(part: FilePart): void;
  /** Its next bytes; the upload waits for it. */
  onFileBytes(piece: Buffer): Promise<void>;
  /** A file under another name; its bytes are dropped. */
  onOtherFile(name: string): void;
}

/** Longest value of a field. */
const FIELD_BYTES = 64 * 1024;
const NAME_LENGTH = 200;

/** Reads a multipart form to its end. Throws what the listener or the body throws, `invalid_request` for a malformed form, `too_many_parts`, `multiple_files`, `file_too_large`. */
export async function readForm(
  body: BodyReader,
  contentType: string,
  limits: FormLimits,
  listener: FormListener,
): Promise<void> {
  const parser = parserOf(contentType, limits);
  const fault = new FirstFault();
  const fileTaken = watch(parser, limits, listener, fault);
  try {
    for (;;) {
      const piece = await fault.unless(body.read());
      if (piece === null) break;
      await fault.unless(
        new Promise<void>((resolve) => {
          parser.write(piece, () => {
            resolve();
          });
        }),
      );
    }
    const finished = new Promise<void>((resolve) => {
      parser.once('finish', () => {
        resolve();
      });
    });
    parser.end();
    await fault.unless(finished);
    await fault.unless(fileTaken());
  } finally {
    parser.destroy();
  }
}

function parserOf(contentType: string, limits: FormLimits): BusboyInstance {
  try {
    // One field and one file more than allowed, so that the one too many is seen and told.
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: {
        fields: limits.maxFields,
        files: 8,
        parts: limits.maxFields + 9,
        fieldSize: FIELD_BYTES,
        fileSize: limits.maxFileBytes + 1,
        headerPairs: 32,
        headerSize: 16 * 1024,
      },
    });
  } catch {
    throw new AsrError('invalid_request', 'The form cannot be read: its content type names no boundary.');
  }
}

/** Passes the parser's events on to the listener; the answer resolves when the listener has taken the file's last byte. */
function watch(
  parser: BusboyInstance,
  limits: FormLimits,
  listener: FormListener,
  fault: FirstFault,
): () => Promise<void> {
  const fail = (error: AsrError): void => {
    fault.occur(error);
  };
  const guarded = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      fail(AsrError.from(error));
    }
  };
  let files = 0;
  let fileDone: Promise<void> = Promise.resolve();
  parser.on('field', (name: string | undefined, value, _nameTruncated, valueTruncated) => {
    guarded(() => {
      const known = fieldName(name);
      if (known === limits.fileField)
        throw new AsrError(
          'missing_file',
          `The field \`${known}\` came as text. Send it as a file, for curl as -F ${known}=@NAME.`,
          { param: known },
        );
      if (valueTruncated)
        throw new AsrError('invalid_field', `${known}: longer than ${String(FIELD_BYTES)} bytes.`, { param: known });
      listener.onField(known, value);
    });
  });
  parser.on('file', (name: string | undefined, stream, filename: string | undefined, _encoding, mimeType) => {
    // The stream's error is told by the parser as well, or by the reader of the stream.
    stream.on('error', () => undefined);
    guarded(() => {
      const known = fieldName(name);
      if (known !== limits.fileField) {
        stream.resume();
        listener.onOtherFile(known);
        return;
      }
      files += 1;
      if (files > 1) throw new AsrError('multiple_files', undefined, { param: known });
      listener.onFile({ contentType: mimeType === '' ? null : mimeType, extension: extensionOf(filename) });
      fileDone = consume(stream, limits, listener);
      fileDone.catch((error: unknown) => {
        fail(asFormError(error));
      });
    });
  });
  for (const event of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
    parser.on(event, () => {
      fail(new AsrError('too_many_parts'));
    });
  }
  parser.on('error', (error: unknown) => {
    fail(asFormError(error));
  });
  return () => fileDone;
}

async function consume(stream: BusboyFileStream, limits: FormLimits, listener: FormListener): Promise<void> {
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > limits.maxFileBytes) throw tooLarge(limits.maxFileBytes);
    await listener.onFileBytes(piece);
  }
}

function asFormError(error: unknown): AsrError {
  return error instanceof AsrError
    ? error
    : new AsrError('invalid_request', 'The form cannot be read to its end. Check its boundary and its part headers.', {
        cause: error,
      });
}

function fieldName(name: string | undefined): string {
  if (name === undefined || name === '') throw new AsrError('invalid_request', 'A part of the form has no name.');
  if (name.length > NAME_LENGTH) throw new AsrError('invalid_request', 'A part of the form has too long a name.');
  return name;
}

function extensionOf(filename: string | undefined): string | null {
  return /\.([A-Za-z0-9]{1,8})$/.exec(filename ?? '')?.[1]?.toLowerCase() ?? null;
}

/**
 * Ends a wait when something goes wrong elsewhere. The first fault counts.
 * `Promise.race` with one long-lived promise would do the same and keep every value it ever raced against: a whole upload.
 */
export class FirstFault {
  #fault: { readonly error: Error } | null = null;
  #reject: (error: Error) => void = () => undefined;

  occur(error: Error): void {
    if (this.#fault !== null) return;
    this.#fault = { error };
    this.#reject(error);
  }

  /** What the work gives, or the fault, whichever comes first. One wait at a time. */
  async unless<T>(work: Promise<T>): Promise<T> {
    if (this.#fault !== null) {
      awaitedLater(work);
      throw this.#fault.error;
    }
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#reject = reject;
        work.then(resolve, reject);
      });
    } finally {
      this.#reject = () => undefined;
    }
  }
}
