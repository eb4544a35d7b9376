import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Job, JobStatus } from '@murmuration/client/node';

interface Held {
  job: Job;
  /** What was said in it; `fail` fails, `hang` never ends. */
  readonly said: string;
  readonly watchers: Set<ServerResponse>;
  events: string;
}

/** The jobs of a server as far as the command line needs them, over real HTTP, in memory. A recording is text: it is its own transcript. */
export class JobsServer {
  readonly jobs = new Map<string, Held>();
  /** Fields of each submission, in the order in which they ended. */
  readonly submitted: string[] = [];
  /** Queries of the transcripts that were asked for. */
  readonly queries: string[] = [];
  readonly keys = new Set<string | undefined>();
  mostAtOnce = 0;
  #atOnce = 0;
  /** Without a slash at its end. */
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  static open(): Promise<JobsServer> {
    const server = createServer();
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const jobsServer = new JobsServer(server);
        server.on('request', (request: IncomingMessage, response: ServerResponse) => {
          jobsServer.#answer(request, response).catch(() => {
            response.destroy();
          });
        });
        resolve(jobsServer);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  /** A job that is there already. */
  add(id: string, said: string): void {
    this.#hold(id, said);
    this.end(id);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.keys.add(request.headers.authorization);
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
    if (request.method === 'POST') {
      await this.#submit(searchParams.get('id') ?? '', request, response);
      return;
    }
    const [, id = '', rest = ''] = /^\/v1\/jobs\/?([^/]*)\/?(.*)$/.exec(pathname) ?? [];
    if (id === '') {
      this.#list(searchParams, response);
      return;
    }
    const held = this.jobs.get(id);
    if (held === undefined) {
      refuse(response, 404, 'not_found');
      return;
    }
    if (request.method === 'DELETE') {
      this.#cancel(held);
      json(response, 200, held.job);
      return;
    }
    if (rest === '') {
      json(response, 200, held.job);
      return;
    }
    if (rest === 'events') {
      this.#follow(held, response);
      return;
    }
    this.queries.push(searchParams.toString());
    if (held.job.status !== 'done') {
      refuse(response, 409, 'job_not_done');
      return;
    }
    if (rest === 'transcript.json') json(response, 200, { id, text: held.said });
    else response.end(`${rest.slice(-3)}: ${held.said}\n`);
  }

  async #submit(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces).toString();
    const said =
      request.headers['content-type'] === 'application/json'
        ? (JSON.parse(body) as { url: string }).url
        : (/name="file"[^]*?\r\n\r\n([^]*?)\r\n--/.exec(body)?.[1] ?? '');
    this.submitted.push(body);
    this.#hold(id, said);
    json(response, 202, this.jobs.get(id)?.job);
    // Others may be sent meanwhile, if the command line lets them.
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    this.#atOnce--;
    if (said !== 'hang') this.end(id);
  }

  #hold(id: string, said: string): void {
    const time = '2027-01-01T00:00:00Z';
    const job: Job = {
      id,
      submitted_id: null,
      object: 'job',
      status: 'running',
      priority: 'batch',
      model: 'm',
      created_at: time,
      accepted_at: time,
      finished_at: null,
      expires_at: null,
      purged: false,
      retention_seconds: 60,
      duration: 61,
      language: 'en',
      progress: { done_seconds: 0, planned_seconds: 4 },
      position: 0,
      estimated_seconds_left: 2,
      error: null,
      metadata: { of: 'me' },
      webhook: null,
      urls: { self: '', events: '', transcript: '' },
    };
    this.jobs.set(id, { job, said, watchers: new Set(), events: '' });
    this.tell(id, '1-0', 'accepted', {});
  }

  /** Brings a job to its end: `fail` fails. */
  end(id: string): void {
    const held = this.jobs.get(id);
    if (held === undefined || held.job.status === 'cancelled') return;
    const error = held.said === 'fail' ? { code: 'unprocessable_audio', message: 'The bytes are not audio.' } : null;
    if (error === null) {
      this.tell(id, '2-0', 'segment', { id: 0, start: 0.26, end: 61.5, text: held.said, confidence: 1, channel: 0 });
      this.tell(id, '3-0', 'progress', { done_seconds: 3, planned_seconds: 4 });
    }
    held.job = { ...held.job, status: error === null ? 'done' : 'failed', error };
    this.tell(id, '4-0', held.job.status, error === null ? { id } : { error });
    for (const watcher of held.watchers) watcher.end();
  }

  #cancel(held: Held): void {
    if (held.job.status === 'running') held.job = { ...held.job, status: 'cancelled' };
    this.tell(held.job.id, '5-0', 'cancelled', {});
    for (const watcher of held.watchers) watcher.end();
  }

  /** Tells those who follow a job of an event. */
  tell(id: string, eventId: string, type: string, data: unknown): void {
    const held = this.jobs.get(id);
    const text = `id: ${eventId}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    if (held === undefined) return;
    held.events += text;
    for (const watcher of held.watchers) watcher.write(text);
  }

  #follow(held: Held, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(held.events === '' ? ': \n\n' : held.events);
    if (held.job.status === 'running') held.watchers.add(response);
    else response.end();
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const wanted = query.get('status') as JobStatus | null;
    const all = [...this.jobs.values()]
      .map(({ job }) => job)
      .filter(({ status }) => wanted === null || status === wanted);
    const from = Number(query.get('cursor') ?? 0);
    const to = from + Number(query.get('limit') ?? 2);
    json(response, 200, {
      object: 'list',
      data: all.slice(from, to),
      next_cursor: to < all.length ? String(to) : null,
    });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'r-1' })
    .end(JSON.stringify({ error: { message: `told of ${code}`, type: 'x', param: null, code } }));
}
