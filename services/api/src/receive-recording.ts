import type { IncomingMessage, ServerResponse } from 'node:http';
import { AsrError } from '@murmuration/contracts';
import { awaitedLater } from '@murmuration/contracts/left-alone';
import { FieldBag, shown, type FieldReader } from './fields/field-bag.js';
import { BodyReader } from './upload/body-reader.js';
import { readForm, type FilePart, type FormListener } from './upload/form-reader.js';
import { KeptFault } from './errors/source-faults.js';
import { MEMORY_BYTES, type Spool, type SpoolDirectory } from './upload/spool.js';
import { bodyBytes, uploadKind } from './upload/upload-headers.js';

export interface UploadLimits {
  readonly maxUploadBytes: number;
  readonly maxFormFields: number;
  readonly idleTimeoutMs: number;
  readonly totalTimeoutMs: number;
}

/** What receiving works with. */
export interface ReceivingParts {
  readonly spools: SpoolDirectory;
  readonly limits: UploadLimits;
  /** Says when uploads must come at a rate. */
  readonly uploads: { readonly scarce: boolean };
}

/** Work on a recording that has begun, perhaps while the recording still arrives. */
export interface Work<Fields, Result> {
  /** What it gives. Throws what it failed with. */
  outcome(): Promise<Result>;
  /** Rejects as soon as it fails; never resolves. */
  failure(): Promise<never>;
  /** A field came after the file: true when the work goes on with it, false when it has to begin again. Throws `invalid_field` naming the field where neither is possible any more. */
  goesOnWith(fields: Fields, name: string): boolean;
  /** Ends it. Resolves when nothing of it is left; never rejects. */
  cancel(): Promise<void>;
}

/** A recording that arrives, as far as it is known. */
export interface Recording<Fields> {
  readonly fields: Fields;
  readonly file: FilePart;
  readonly source: AsyncIterable<Uint8Array>;
  /** Resolves when earlier work on the same recording is gone. */
  readonly free: Promise<void>;
}

export interface Upload<Fields, Result> {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** The parsed query. */
  readonly query: unknown;
  readonly reader: FieldReader<Fields>;
  /** True when these fields mean a recording that comes with the request; then a form without one is refused. */
  needsFile(fields: Fields): boolean;
  begin(recording: Recording<Fields>): Work<Fields, Result>;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export interface Received<Fields, Result> {
  readonly fields: Fields;
  /** What the work gave; null when there was no recording to work on, and none was needed. */
  readonly result: Result | null;
}

/** Receives a recording and has it worked on, beginning while it arrives where the fields are known. Throws `AsrError`; frees all it took in any case. */
export async function receiveRecording<Fields, Result>(
  parts: ReceivingParts,
  upload: Upload<Fields, Result>,
): Promise<Received<Fields, Result>> {
  const { kind, contentType } = uploadKind(upload.message.headers, parts.limits.maxUploadBytes);
  const bag = new FieldBag(upload.reader.lists);
  bag.addQuery(upload.query);
  const fields = upload.reader.read(bag);
  const body = new BodyReader(
    upload.message,
    upload.response,
    {
      maxBytes: bodyBytes(kind, parts.limits.maxUploadBytes),
      idleTimeoutMs: parts.limits.idleTimeoutMs,
      totalTimeoutMs: parts.limits.totalTimeoutMs,
      mustHurry: () => parts.uploads.scarce,
    },
    upload.signal,
  );
  try {
    if (kind === 'raw') return await receiveRaw(upload, body, contentType, fields);
    return await new FormReceipt(parts, upload, bag, fields).run(body, contentType);
  } finally {
    body.stop();
  }
}

async function receiveRaw<Fields, Result>(
  upload: Upload<Fields, Result>,
  body: BodyReader,
  contentType: string,
  fields: Fields,
): Promise<Received<Fields, Result>> {
  const first = await body.read();
  if (first === null) throw new AsrError('empty_file', undefined, { param: 'file' });
  const kept = new KeptFault();
  const work = upload.begin({
    fields,
    file: { contentType, extension: null },
    source: kept.passing(following(first, body)),
    free: Promise.resolve(),
  });
  try {
    return { fields, result: await work.outcome() };
  } catch (error) {
    throw kept.insteadOf(error);
  } finally {
    void work.cancel();
  }
}

async function* following(first: Uint8Array, body: BodyReader): AsyncGenerator<Uint8Array> {
  yield first;
  yield* body.rest();
}

/**
 * A form on its way.
 *
 * fields only --file begins--> receiving --a field came before, and 1 MiB is there or the form has ended--> working
 * receiving --the form ends--> working (no field was known before: the ones after the file count)
 * working --a later field changes the work--> cancelled and begun again from the spool, or refused, as the work says
 * any --fault--> failed: the work is cancelled, the spool closed.
 *
 * The source ends with the form, not with the file: until then a field may still come, and nothing may be done for good.
 */
class FormReceipt<Fields, Result> implements FormListener {
  readonly #parts: ReceivingParts;
  readonly #upload: Upload<Fields, Result>;
  readonly #bag: FieldBag;
  readonly #spool: Spool;
  readonly #workFailed: Promise<never>;
  #fields: Fields;
  #file: FilePart | null = null;
  #early = false;
  #fault: AsrError | null = null;
  #work: Work<Fields, Result> | null = null;
  #fail: (error: unknown) => void = () => undefined;

  constructor(parts: ReceivingParts, upload: Upload<Fields, Result>, bag: FieldBag, fields: Fields) {
    this.#parts = parts;
    this.#upload = upload;
    this.#bag = bag;
    this.#fields = fields;
    this.#spool = parts.spools.create();
    this.#workFailed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    awaitedLater(this.#workFailed);
  }

  get #fileField(): string {
    return this.#upload.reader.fileField ?? 'file';
  }

  async run(body: BodyReader, contentType: string): Promise<Received<Fields, Result>> {
    const limits = {
      maxFields: this.#parts.limits.maxFormFields,
      maxFileBytes: this.#parts.limits.maxUploadBytes,
      fileField: this.#fileField,
    };
    const form = readForm(body, contentType, limits, this);
    awaitedLater(form);
    try {
      await Promise.race([form, this.#workFailed]);
      const work = this.#finishForm();
      return { fields: this.#fields, result: work === null ? null : await work.outcome() };
    } catch (error) {
      this.#spool.fail(AsrError.from(error));
      throw error;
    } finally {
      void this.#work?.cancel();
      await this.#spool.close();
    }
  }

  /** A fault of a field waits until the file begins or the form ends: a form of too many parts is told so, whatever they are. */
  onField(name: string, value: string): void {
    try {
      this.#takeField(name, value);
    } catch (error) {
      this.#fault ??= AsrError.from(error);
    }
  }

  onFile(part: FilePart): void {
    if (this.#fault !== null) throw this.#fault;
    this.#file = part;
    this.#early = this.#bag.size > 0;
  }

  async onFileBytes(piece: Buffer): Promise<void> {
    await this.#spool.write(piece);
    if (this.#early && this.#work === null && this.#spool.bytes > MEMORY_BYTES) this.#begin(Promise.resolve());
  }

  onOtherFile(name: string): void {
    if (this.#upload.reader.strict)
      throw new AsrError(
        'unknown_field',
        `${shown(name)}: not a known field. Send the recording as \`${this.#fileField}\`.`,
        {
          param: shown(name),
        },
      );
  }

  #takeField(name: string, value: string): void {
    this.#bag.add(name, value);
    this.#fields = this.#upload.reader.read(this.#bag);
    const work = this.#work;
    if (work === null || work.goesOnWith(this.#fields, shown(name))) return;
    this.#begin(work.cancel());
  }

  #finishForm(): Work<Fields, Result> | null {
    if (this.#fault !== null) throw this.#fault;
    if (this.#file === null) {
      if (this.#upload.needsFile(this.#fields))
        throw new AsrError('missing_file', undefined, { param: this.#fileField });
      return null;
    }
    if (this.#spool.bytes === 0) throw new AsrError('empty_file', undefined, { param: this.#fileField });
    this.#spool.end();
    return this.#work ?? this.#begin(Promise.resolve());
  }

  #begin(free: Promise<void>): Work<Fields, Result> {
    const work = this.#upload.begin({
      fields: this.#fields,
      file: this.#file ?? { contentType: null, extension: null },
      source: this.#spool.read(),
      free,
    });
    this.#work = work;
    work.failure().catch((error: unknown) => {
      if (this.#work === work) this.#fail(error);
    });
    return work;
  }
}
