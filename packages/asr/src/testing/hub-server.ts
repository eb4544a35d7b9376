import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A hub on this machine, for tests: it speaks the protocol of the real one, and misbehaves when it is told to.

export const COMMIT = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00';

export interface TestRequest {
  readonly server: 'hub' | 'storage';
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** What goes wrong; each may be changed at any time. */
export interface Misbehaviour {
  /** Each entry breaks one connection that carries a large file, after so many bytes; what was under way may be lost. */
  cutAfterBytes: number[];
  /** As `cutAfterBytes`, but the connection stays open in silence, until `cutHeld`. */
  stallAfterBytes: number[];
  /** Statuses of the next answers of the hub. */
  statuses: number[];
  /** Answers whole files only. */
  noRanges: boolean;
  /** Bytes that are served in the place of a file's. */
  tampered: Map<string, Buffer>;
  /** Token without which the hub says 401. */
  token: string | null;
  /** Leaves checksums out of listing and headers. */
  noChecksums: boolean;
  /** Names another checksum in the headers than in the listing. */
  contradicts: boolean;
}

export interface TestRepository {
  /** Commit by branch. */
  refs: Record<string, string>;
  /** Files by commit. */
  readonly commits: Record<string, Map<string, Buffer>>;
}

export class TestHub {
  readonly requests: TestRequest[] = [];
  readonly repositories = new Map<string, TestRepository>();
  readonly wrong: Misbehaviour = {
    cutAfterBytes: [],
    stallAfterBytes: [],
    statuses: [],
    noRanges: false,
    tampered: new Map(),
    token: null,
    noChecksums: false,
    contradicts: false,
  };
  /** Bytes of large files that were sent. */
  storageBytes = 0;
  readonly #hub: Server;
  readonly #storage: Server;
  #held: { readonly atByte: number; cut(): void } | null = null;

  private constructor() {
    this.#hub = createServer((request, response) => {
      this.#answer(request, response);
    });
    this.#storage = createServer((request, response) => {
      this.#serve(request, response);
    });
  }

  static async start(): Promise<TestHub> {
    const hub = new TestHub();
    await Promise.all(
      [hub.#hub, hub.#storage].map(
        (server) =>
          new Promise<void>((resolve) => {
            server.listen(0, '127.0.0.1', resolve);
          }),
      ),
    );
    return hub;
  }

  get endpoint(): string {
    return addressOf(this.#hub);
  }

  add(repository: string, files: Map<string, Buffer>, commit = COMMIT): void {
    this.repositories.set(repository, { refs: { main: commit }, commits: { [commit]: files } });
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#hub, this.#storage].map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => {
              resolve();
            });
            server.closeAllConnections();
          }),
      ),
    );
  }

  /** Breaks the silent connection once the other side has all the bytes of the file that were sent to it. */
  cutHeld(hasBytes: number): void {
    if (this.#held === null || hasBytes < this.#held.atByte) return;
    this.#held.cut();
    this.#held = null;
  }

  /** Paths of files that were asked for, in order. */
  get filesAsked(): readonly string[] {
    return this.requests.flatMap(({ server, path }) =>
      server === 'hub' ? (/\/resolve\/[0-9a-f]{40}\/(.+)$/.exec(path)?.slice(1) ?? []) : [],
    );
  }

  #note(server: 'hub' | 'storage', request: IncomingMessage): string {
    const path = decodeURIComponent(request.url ?? '');
    this.requests.push({
      server,
      path,
      range: request.headers.range ?? null,
      authorization: request.headers.authorization ?? null,
    });
    return path;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = this.#note('hub', request);
    const status = this.wrong.statuses.shift();
    if (status !== undefined) return void response.writeHead(status).end();
    if (this.wrong.token !== null && request.headers.authorization !== `Bearer ${this.wrong.token}`)
      return void response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/([^?]+)/.exec(path);
    if (api !== null) {
      this.#describe(api[1] ?? '', api[2] ?? '', response);
      return;
    }
    const file = /^\/(?:api\/resolve-cache\/models\/)?([^/]+\/[^/]+)\/(?:resolve\/)?([0-9a-f]{40})\/(.+)$/.exec(path);
    const bytes = this.repositories.get(file?.[1] ?? '')?.commits[file?.[2] ?? '']?.get(file?.[3] ?? '');
    if (file === null || bytes === undefined)
      return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    if (isLarge(file[3] ?? '')) {
      const checksum = this.wrong.contradicts ? createHash('sha256').update('other').digest('hex') : sha256(bytes);
      response
        .writeHead(302, {
          location: `${addressOf(this.#storage)}${path}`,
          'x-linked-size': String(bytes.length),
          'x-repo-commit': file[2] ?? '',
          ...(this.wrong.noChecksums ? {} : { 'x-linked-etag': `"${checksum}"` }),
        })
        .end();
    } else if (path.includes('/resolve/')) {
      // The real one keeps small files behind a relative redirect.
      response
        .writeHead(307, {
          location: `/api/resolve-cache/models/${file[1] ?? ''}/${file[2] ?? ''}/${file[3] ?? ''}`,
          ...(this.wrong.noChecksums ? {} : { etag: `"${blobSha1(bytes)}"` }),
        })
        .end();
    } else {
      response.writeHead(200).end(this.wrong.tampered.get(file[3] ?? '') ?? bytes);
    }
  }

  #describe(repository: string, revision: string, response: ServerResponse): void {
    const found = this.repositories.get(repository);
    if (found === undefined) return void response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
    const commit = found.refs[revision] ?? revision;
    const files = found.commits[commit];
    if (files === undefined) return void response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end();
    const siblings = [...files].map(([rfilename, bytes]) =>
      this.wrong.noChecksums
        ? { rfilename, size: bytes.length }
        : {
            rfilename,
            size: bytes.length,
            blobId: isLarge(rfilename) ? blobSha1(Buffer.from('a pointer')) : blobSha1(bytes),
            ...(isLarge(rfilename) ? { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 133 } } : {}),
          },
    );
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ id: repository, sha: commit, siblings }));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = this.#note('storage', request);
    const [, repository = '', commit = '', name = ''] =
      /^\/([^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(path) ?? [];
    const bytes = this.wrong.tampered.get(name) ?? this.repositories.get(repository)?.commits[commit]?.get(name);
    if (bytes === undefined) return void response.writeHead(404).end();
    const start = this.wrong.noRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start >= bytes.length) return void response.writeHead(416).end();
    response.writeHead(start === 0 ? 200 : 206, {
      'content-length': bytes.length - start,
      ...(start === 0
        ? {}
        : { 'content-range': `bytes ${String(start)}-${String(bytes.length - 1)}/${String(bytes.length)}` }),
    });
    const cut = this.wrong.cutAfterBytes.shift();
    const stall = cut === undefined ? this.wrong.stallAfterBytes.shift() : undefined;
    const sent = bytes.subarray(start, start + (cut ?? stall ?? bytes.length));
    this.storageBytes += sent.length;
    if (cut === undefined && stall === undefined) {
      response.end(sent);
      return;
    }
    if (stall !== undefined)
      this.#held = {
        atByte: start + stall,
        cut: () => {
          request.socket.destroy();
        },
      };
    response.write(sent, () => {
      if (cut !== undefined) request.socket.destroy();
    });
  }
}

/** A repository in the layout of onnx-community: int8 and fp16 whole, fp32 with its weights beside the encoder. */
export function whisperRepository(seed = 1, graphBytes = 300_000): Map<string, Buffer> {
  const graph = (name: string, bytes = graphBytes): [string, Buffer] => [name, noise(`${String(seed)} ${name}`, bytes)];
  return new Map([
    ['.gitattributes', Buffer.from('*.onnx filter=lfs\n')],
    ['README.md', Buffer.from('a model\n')],
    ['config.json', Buffer.from(JSON.stringify({ model_type: 'whisper' }))],
    ['generation_config.json', Buffer.from('{}')],
    ['merges.txt', Buffer.alloc(0)],
    ['tokenizer.json', Buffer.from(JSON.stringify({ version: '1.0', seed }))],
    graph('onnx/encoder_model.onnx', 1_000),
    graph('onnx/encoder_model.onnx_data'),
    graph('onnx/encoder_model.onnx_data_1', 2_000),
    graph('onnx/decoder_model_merged.onnx'),
    graph('onnx/encoder_model_fp16.onnx'),
    graph('onnx/decoder_model_merged_fp16.onnx'),
    graph('onnx/encoder_model_quantized.onnx'),
    graph('onnx/decoder_model_merged_quantized.onnx'),
    graph('onnx/decoder_with_past_model_quantized.onnx'),
  ]);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function blobSha1(bytes: Buffer): string {
  return createHash('sha1')
    .update(`blob ${String(bytes.length)}\0`)
    .update(bytes)
    .digest('hex');
}

function isLarge(name: string): boolean {
  return name.includes('.onnx');
}

/** Bytes that differ with every seed and are the same every time. */
function noise(seed: string, bytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes; at += 32)
    pieces.push(
      createHash('sha256')
        .update(`${seed} ${String(at)}`)
        .digest(),
    );
  return Buffer.concat(pieces).subarray(0, bytes);
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
