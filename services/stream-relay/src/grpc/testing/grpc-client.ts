import {
  Client,
  Metadata,
  credentials,
  status,
  type CallOptions,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { PROTO_FILES, PROTO_FOLDER } from '../proto/service-definitions.js';

const CONTRACT = loadSync(PROTO_FILES, {
  includeDirs: [PROTO_FOLDER],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

/** A decoded message as tests look at it. */
export type Message = Readonly<Record<string, unknown>>;

/** How a call ended: status name, our code, and all that came with it. */
export interface Ending {
  readonly status: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly retryAfterSeconds: string | null;
  readonly message: string;
  readonly requestId: string | null;
  readonly details: Buffer | null;
}

export interface Answer {
  readonly messages: readonly Message[];
  readonly ending: Ending;
}

export interface CallSettings {
  readonly key?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly options?: CallOptions;
}

/** A client made of the contract's files, as anybody would make one. */
export class GrpcClient {
  readonly channel: Client;

  /** @param address host and port */
  constructor(address: string, options: ChannelOptions = {}) {
    this.channel = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      ...options,
    });
  }

  /** Any call whose request is one message: its answers and how it ended. `method` is for example `Jobs/GetJob`. */
  call(
    method: string,
    request: object,
    settings: CallSettings = {},
  ): Promise<Answer> & { readonly stream: ClientReadableStream<Message> } {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const stream = this.channel.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => Message,
      request,
      metadataOf(settings),
      settings.options ?? {},
    );
    return Object.assign(answerOf(stream), { stream });
  }

  /** A call with streamed requests and one answer. */
  upload(
    method: string,
    settings: CallSettings = {},
  ): { readonly stream: ClientWritableStream<object>; readonly answer: Promise<Answer> } {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    let finish: (answer: Answer) => void;
    const answer = new Promise<Answer>((resolve) => {
      finish = resolve;
    });
    const stream = this.channel.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => Message,
      metadataOf(settings),
      settings.options ?? {},
      (error, message) => {
        finish({ messages: message === undefined ? [] : [message], ending: endingOf(error) });
      },
    );
    return { stream, answer };
  }

  /** A call with streams in both directions. */
  talk(method: string, settings: CallSettings = {}): Talk {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    return new Talk(
      this.channel.makeBidiStreamRequest(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => Message,
        metadataOf(settings),
        settings.options ?? {},
      ),
    );
  }

  /** Sends bytes as a request, whatever they are. */
  raw(method: string, bytes: Buffer): Promise<Answer> {
    const { path } = this.#method(method);
    return answerOf(
      this.channel.makeServerStreamRequest(
        path,
        (request: Buffer) => request,
        (answer) => ({ bytes: answer }),
        bytes,
      ),
    );
  }

  close(): void {
    this.channel.close();
  }

  #method(name: string): ServiceDefinition[string] {
    const [service = '', method = ''] = name.split('/');
    const definition = (CONTRACT[`murmuration.v1.${service}`] as ServiceDefinition)[method];
    if (definition === undefined) throw new Error(`no method ${name}`);
    return definition;
  }
}

/** One bidirectional call. */
export class Talk {
  readonly stream: ClientDuplexStream<object, Message>;
  readonly messages: Message[] = [];
  readonly ending: Promise<Ending>;
  #onChange: (() => void)[] = [];
  #ended = false;

  constructor(stream: ClientDuplexStream<object, Message>) {
    this.stream = stream;
    stream.on('data', (message: Message) => {
      this.messages.push(message);
      this.#changed();
    });
    this.ending = answerOf(stream).then(({ ending }) => {
      this.#ended = true;
      this.#changed();
      return ending;
    });
  }

  say(message: object): void {
    this.stream.write(message);
  }

  /** The first message of this kind, or the first event of this body; waits for it. Throws when the call ends before. */
  async first(kind: string): Promise<Message> {
    const find = (): Message | undefined =>
      this.messages
        .map((message) => message[kind] ?? (message['event'] as Message | undefined)?.[kind])
        .find((found) => found !== undefined) as Message | undefined;
    await this.until(() => find() !== undefined);
    return find() ?? {};
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#ended)
        throw new Error(`the call ended: ${JSON.stringify(await this.ending)} after ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => {
        this.#onChange.push(resolve);
      });
    }
  }

  #changed(): void {
    for (const call of this.#onChange.splice(0)) call();
  }
}

function metadataOf({ key, metadata = {} }: CallSettings): Metadata {
  const result = new Metadata();
  if (key !== undefined) result.set('authorization', `Bearer ${key}`);
  for (const [name, value] of Object.entries(metadata)) result.set(name, value);
  return result;
}

function answerOf(stream: ClientReadableStream<Message>): Promise<Answer> {
  const messages: Message[] = [];
  let requestId: string | null = null;
  stream.on('metadata', (metadata: Metadata) => {
    requestId = textOf(metadata, 'x-request-id');
  });
  stream.on('data', (message: Message) => {
    messages.push(message);
  });
  // How it ended comes as a status too.
  stream.on('error', () => undefined);
  return new Promise((resolve) => {
    stream.on('status', (ended) => {
      const ending = endingOf(ended);
      resolve({ messages, ending: { ...ending, requestId: ending.requestId ?? requestId } });
    });
  });
}

function endingOf(ended: Pick<ServiceError, 'code' | 'details' | 'metadata'> | null): Ending {
  const metadata = ended?.metadata ?? new Metadata();
  const [details] = metadata.get('grpc-status-details-bin');
  return {
    status: status[ended?.code ?? status.OK],
    message: ended?.details ?? '',
    code: textOf(metadata, 'murmuration-code'),
    param: textOf(metadata, 'murmuration-param'),
    retryAfterSeconds: textOf(metadata, 'murmuration-retry-after-seconds'),
    requestId: textOf(metadata, 'x-request-id'),
    details: details instanceof Buffer ? details : null,
  };
}

function textOf(metadata: Metadata, name: string): string | null {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : null;
}
