/**
 * A recording to send. A stream can be sent once only, so that its request is never repeated; in browsers it needs HTTP/2
 * and Chromium. In Node.js `audioFile` of `@murmuration/client/node` reads a file piece by piece.
 */
export type AudioInput = Blob | Uint8Array | ArrayBuffer | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

export interface UploadOptions {
  /** Told to the server, which reads nothing out of it. */
  readonly filename?: string | undefined;
  /** Told each time a piece was taken by the connection; in browsers this needs what streams need. */
  readonly onUpload?: ((sentBytes: number, totalBytes: number | null) => void) | undefined;
}

/** A body of one attempt. */
export interface UploadBody {
  readonly body: FormData | ReadableStream<Uint8Array> | string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the caller's own stream threw, if it did. */
  readonly fault: Error | undefined;
}

/** What is sent, and whether it can be sent again. */
export interface Upload {
  readonly make: () => UploadBody;
  readonly isRepeatable: boolean;
}

const FILENAME = 'recording';

/** A form of fields and a recording, fields first: so the server works on the file while it comes. */
export function formUpload(
  fields: readonly (readonly [name: string, value: string])[],
  input: AudioInput,
  options: UploadOptions,
): Upload {
  const filename =
    options.filename ??
    (input instanceof Blob && 'name' in input && typeof input.name === 'string' ? input.name : FILENAME);
  if (input instanceof Uint8Array || input instanceof ArrayBuffer || input instanceof Blob) {
    const blob =
      input instanceof Blob ? input : new Blob([input instanceof ArrayBuffer ? input : new Uint8Array(input)]);
    if (options.onUpload === undefined) return { make: () => wholeForm(fields, blob, filename), isRepeatable: true };
    return {
      make: () =>
        new StreamedForm(fields, blob.stream(), { filename, sizeBytes: blob.size, onUpload: options.onUpload }),
      isRepeatable: true,
    };
  }
  return {
    make: () => new StreamedForm(fields, input, { filename, sizeBytes: null, onUpload: options.onUpload }),
    isRepeatable: false,
  };
}

/** A document in JSON. */
export function jsonUpload(value: unknown): Upload {
  return {
    make: () => ({ body: JSON.stringify(value), headers: { 'content-type': 'application/json' }, fault: undefined }),
    isRepeatable: true,
  };
}

function wholeForm(fields: readonly (readonly [string, string])[], blob: Blob, filename: string): UploadBody {
  const body = new FormData();
  for (const [name, value] of fields) body.append(name, value);
  body.append('file', blob, filename);
  return { body, headers: {}, fault: undefined };
}

interface StreamedFormOptions {
  readonly filename: string;
  readonly sizeBytes: number | null;
  readonly onUpload: UploadOptions['onUpload'];
}

/** A form written as it is sent, for recordings that come in pieces or whose sending is watched. */
class StreamedForm implements UploadBody {
  readonly body: ReadableStream<Uint8Array>;
  readonly headers: Readonly<Record<string, string>>;
  readonly #boundary = `murmuration-${crypto.randomUUID()}`;
  #fault: Error | undefined;

  constructor(
    fields: readonly (readonly [string, string])[],
    source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
    options: StreamedFormOptions,
  ) {
    const encoder = new TextEncoder();
    const parts = [
      ...fields.map(
        ([name, value]) =>
          `--${this.#boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
      ),
      `--${this.#boundary}\r\ncontent-disposition: form-data; name="file"; filename="${quoted(options.filename)}"\r\ncontent-type: application/octet-stream\r\n\r\n`,
    ];
    const head = encoder.encode(parts.join(''));
    const tail = encoder.encode(`\r\n--${this.#boundary}--\r\n`);
    this.headers = {
      'content-type': `multipart/form-data; boundary=${this.#boundary}`,
      // Browsers leave it out; Node.js sends it, so that a file that is too large is refused before it is sent.
      ...(options.sizeBytes === null
        ? {}
        : { 'content-length': String(head.length + options.sizeBytes + tail.length) }),
    };
    this.body = streamOf(this.#pieces(head, source, tail, options));
  }

  get fault(): Error | undefined {
    return this.#fault;
  }

  async *#pieces(
    head: Uint8Array,
    source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
    tail: Uint8Array,
    { sizeBytes, onUpload }: StreamedFormOptions,
  ): AsyncGenerator<Uint8Array> {
    yield head;
    let sentBytes = 0;
    try {
      for await (const piece of source instanceof ReadableStream ? chunksOf(source) : source) {
        if (piece.length === 0) continue;
        yield piece;
        sentBytes += piece.length;
        onUpload?.(sentBytes, sizeBytes);
      }
    } catch (error) {
      this.#fault = error instanceof Error ? error : new Error(String(error));
      throw this.#fault;
    }
    yield tail;
  }
}

/** Escaped as browsers escape names in forms. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Pieces of a stream; not every browser lets a stream be iterated. Cancels the stream when it is left early. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** A stream that pulls one piece at a time. */
function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await pieces.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
