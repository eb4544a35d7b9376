import type { IncomingMessage, ServerResponse } from 'node:http';
import { AsrError, type Segment, type Transcript } from '@murmuration/contracts';
import type { TranscriptionService } from '@murmuration/intake';
import { Attempt } from './attempt.js';
import type { Dialect, ReadFields } from './fields/dialect.js';
import { FieldBag, shown } from './fields/field-bag.js';
import { BodyReader } from './upload/body-reader.js';
import { readForm, type FilePart, type FormListener } from './upload/form-reader.js';
import { MEMORY_BYTES, type Spool } from './upload/spool.js';
import type { SpoolDirectory } from './upload/spool-directory.js';
import { bodyBytes, uploadKind } from './upload/upload-headers.js';

interface UploadLimits {
  readonly maxUploadBytes: number;
  readonly maxFormFields: number;
  readonly idleTimeoutMs: number;
  readonly totalTimeoutMs: number;
}

/** What an upload works with. */
export interface UploadParts {
  readonly service: TranscriptionService;
  readonly spools: SpoolDirectory;
  readonly limits: UploadLimits;
}

/** Where segments go while they come. */
export interface UploadOutput<Answer> {
  /** True once a part of the answer was sent: from then on a field may no longer change the work. */
  readonly begun: boolean;
  /** True when the answer wants segments as they become final. */
  follows(answer: Answer): boolean;
  /** The work was accepted. */
  accepted(): void;
  take(segments: readonly Segment[]): Promise<void>;
}

export interface Upload<Answer> {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** The parsed query. */
  readonly query: unknown;
  /** Whose the work is; null without keys. */
  readonly owner: string | null;
  readonly dialect: Dialect<Answer>;
  readonly output: UploadOutput<Answer>;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export interface TranscribedUpload<Answer> {
  readonly transcript: Transcript;
  readonly answer: Answer;
}

/** Receives a recording and has it transcribed, beginning while it arrives where the fields are known. Throws `AsrError`; frees all it took in any case. */
export async function transcribeUpload<Answer>(parts: UploadParts, upload: Upload<Answer>): Promise<TranscribedUpload<Answer>> {
  const { kind, contentType } = uploadKind(upload.message.headers, parts.limits.maxUploadBytes);
  const bag = new FieldBag(upload.dialect.lists);
  bag.addQuery(upload.query);
  const fields = upload.dialect.read(bag);
  const body = new BodyReader(upload.message, upload.response, {
    maxBytes: bodyBytes(kind, parts.limits.maxUploadBytes), idleTimeoutMs: parts.limits.idleTimeoutMs, totalTimeoutMs: parts.limits.totalTimeoutMs,
  }, upload.signal);
  try {
    if (kind === 'raw') return await transcribeRaw(parts, upload, body, contentType, fields);
    return await new FormTranscription(parts, upload, bag, fields).run(body, contentType);
  } finally {
    body.stop();
  }
}

async function transcribeRaw<Answer>(parts: UploadParts, upload: Upload<Answer>, body: BodyReader, contentType: string, fields: ReadFields<Answer>): Promise<TranscribedUpload<Answer>> {
  const first = await body.read();
  if (first === null) throw new AsrError('empty_file', undefined, { param: 'file' });
  const fault: { error: unknown } = { error: null };
  const attempt = begin(parts, upload, fields, { contentType, extension: null }, recorded(first, body, fault));
  try {
    return { transcript: await attempt.outcome(), answer: fields.answer };
  } catch (error) {
    // A decoder whose input breaks off has its own words for it: the client is told the cause.
    throw fault.error ?? error;
  } finally {
    attempt.cancel();
  }
}

/** The body's bytes; a fault of theirs is kept as well as thrown. */
async function* recorded(first: Uint8Array, body: BodyReader, fault: { error: unknown }): AsyncGenerator<Uint8Array> {
  yield first;
  try {
    yield* body.rest();
  } catch (error) {
    fault.error = error;
    throw error;
  }
}

function begin<Answer>(parts: UploadParts, upload: Upload<Answer>, fields: ReadFields<Answer>, file: FilePart, source: AsyncIterable<Uint8Array>): Attempt {
  const attempt = new Attempt(parts.service, { source, contentType: file.contentType, extension: file.extension, options: fields.options, lane: 'interactive', owner: upload.owner, signal: upload.signal });
  followWhereWanted(upload.output, attempt, fields.answer);
  return attempt;
}

function followWhereWanted<Answer>(output: UploadOutput<Answer>, attempt: Attempt, answer: Answer): void {
  if (!output.follows(answer) || attempt.following) return;
  attempt.follow(() => { output.accepted(); }, (segments) => output.take(segments));
}

/**
 * A form on its way.
 *
 * fields only --file begins--> receiving --a field came before, and 1 MiB is there or the form has ended--> working
 * receiving --the form ends--> working (no field was known before: the ones after the file count)
 * working --a later field changes the work--> cancelled and begun again from the spool; once output has begun, refused instead
 * any --fault--> failed: the work is cancelled, the spool closed.
 */
class FormTranscription<Answer> implements FormListener {
  readonly #parts: UploadParts;
  readonly #upload: Upload<Answer>;
  readonly #bag: FieldBag;
  readonly #spool: Spool;
  readonly #workFailed: Promise<never>;
  #fields: ReadFields<Answer>;
  #file: FilePart | null = null;
  #early = false;
  #attempt: Attempt | null = null;
  #fail: (error: unknown) => void = () => undefined;

  constructor(parts: UploadParts, upload: Upload<Answer>, bag: FieldBag, fields: ReadFields<Answer>) {
    this.#parts = parts;
    this.#upload = upload;
    this.#bag = bag;
    this.#fields = fields;
    this.#spool = parts.spools.create();
    this.#workFailed = new Promise<never>((_resolve, reject) => { this.#fail = reject; });
    this.#workFailed.catch(() => undefined);
  }

  async run(body: BodyReader, contentType: string): Promise<TranscribedUpload<Answer>> {
    const limits = { maxFields: this.#parts.limits.maxFormFields, maxFileBytes: this.#parts.limits.maxUploadBytes };
    const form = readForm(body, contentType, limits, this);
    form.catch(() => undefined);
    try {
      await Promise.race([form, this.#workFailed]);
      const attempt = this.#finishForm();
      return { transcript: await attempt.outcome(), answer: this.#fields.answer };
    } catch (error) {
      this.#spool.fail(AsrError.from(error));
      throw error;
    } finally {
      this.#attempt?.cancel();
      await this.#spool.close();
    }
  }

  onField(name: string, value: string): void {
    this.#bag.add(name, value);
    const before = this.#fields;
    this.#fields = this.#upload.dialect.read(this.#bag);
    if (this.#attempt === null) return;
    if (JSON.stringify(before.options) !== JSON.stringify(this.#fields.options)) this.#startAgain(name);
    else followWhereWanted(this.#upload.output, this.#attempt, this.#fields.answer);
  }

  onFile(part: FilePart): void {
    this.#file = part;
    this.#early = this.#bag.size > 0;
  }

  async onFileBytes(piece: Buffer): Promise<void> {
    await this.#spool.write(piece);
    if (this.#early && this.#attempt === null && this.#spool.bytes > MEMORY_BYTES) this.#start(this.#file);
  }

  onFileEnd(): void {
    this.#spool.end();
  }

  onOtherFile(name: string): void {
    if (this.#upload.dialect.strict) throw new AsrError('unknown_field', `${shown(name)}: not a known field. Send the recording as \`file\`.`, { param: shown(name) });
  }

  #finishForm(): Attempt {
    if (this.#file === null) throw new AsrError('missing_file', undefined, { param: 'file' });
    if (this.#spool.bytes === 0) throw new AsrError('empty_file', undefined, { param: 'file' });
    return this.#attempt ?? this.#start(this.#file);
  }

  #start(file: FilePart | null): Attempt {
    const attempt = begin(this.#parts, this.#upload, this.#fields, file ?? { contentType: null, extension: null }, this.#spool.read());
    this.#attempt = attempt;
    attempt.failure().catch((error: unknown) => {
      if (this.#attempt === attempt) this.#fail(error);
    });
    return attempt;
  }

  #startAgain(name: string): void {
    if (this.#upload.output.begun) {
      throw new AsrError('invalid_field', `${shown(name)}: came after the file, when part of the answer had been sent. Send it before the file or as a query parameter.`, { param: shown(name) });
    }
    this.#attempt?.cancel();
    this.#start(this.#file);
  }
}
