import type { ServerDuplexStream, ServerReadableStream, ServerUnaryCall, ServerWritableStream, ServiceDefinition, UntypedServiceImplementation, sendUnaryData } from '@grpc/grpc-js';
import type { CallContext } from './active-call.js';
import type { CallInterceptor } from './call-interceptor.js';
import { ruleOf } from './call-rules.js';
import { RequestReader } from './request-reader.js';
import { ResponseWriter } from './response-writer.js';

interface Method { readonly kind: 'unary' | 'server' | 'client' | 'bidi'; readonly request: unknown; readonly response: unknown }

/** What serves a method. Throws `AsrError`; a streamed answer ends when the handler resolves. */
export type Handler<M extends Method> = {
  readonly unary: (request: M['request'], call: CallContext) => Promise<M['response']>;
  readonly server: (request: M['request'], call: CallContext, answer: ResponseWriter<M['response']>) => Promise<void>;
  readonly client: (requests: RequestReader<M['request']>, call: CallContext) => Promise<M['response']>;
  readonly bidi: (requests: RequestReader<M['request']>, call: CallContext, answer: ResponseWriter<M['response']>) => Promise<void>;
}[M['kind']];

/** Handlers of a whole service, by the types of `@murmuration/contracts/grpc`. */
export type Handlers<Methods> = { readonly [Name in keyof Methods]: Methods[Name] extends Method ? Handler<Methods[Name]> : never };

interface AnyHandler { (first: unknown, ...rest: unknown[]): Promise<unknown> }

/** The handlers as grpc-js calls them. */
export function implementation<Methods>(definition: ServiceDefinition, handlers: Handlers<Methods>, door: CallInterceptor): UntypedServiceImplementation {
  const methods: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    ruleOf(method.path);
    const handler = (handlers as Readonly<Record<string, unknown>>)[name] as AnyHandler;
    if (method.requestStream) methods[name] = method.responseStream ? bidi(handler, door) : clientStream(handler, door);
    else methods[name] = method.responseStream ? serverStream(handler, door) : unary(handler, door);
  }
  return methods;
}

function unary(handler: AnyHandler, door: CallInterceptor) {
  return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
    answerOnce(handler(call.request, door.callOf(call.metadata)), call, callback, door);
  };
}

function clientStream(handler: AnyHandler, door: CallInterceptor) {
  return (call: ServerReadableStream<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
    const active = door.callOf(call.metadata);
    answerOnce(handler(new RequestReader(call, active), active), call, callback, door);
  };
}

function answerOnce(result: Promise<unknown>, call: Pick<ServerUnaryCall<unknown, unknown>, 'metadata'>, callback: sendUnaryData<unknown>, door: CallInterceptor): void {
  result.then((response) => { callback(null, response); }, (error: unknown) => { callback(door.told(error, door.callOf(call.metadata))); });
}

function serverStream(handler: AnyHandler, door: CallInterceptor) {
  return (call: ServerWritableStream<unknown, unknown>): void => {
    const active = door.callOf(call.metadata);
    answerInPieces(handler(call.request, active, new ResponseWriter(call, active)), call, door);
  };
}

function bidi(handler: AnyHandler, door: CallInterceptor) {
  return (call: ServerDuplexStream<unknown, unknown>): void => {
    const active = door.callOf(call.metadata);
    answerInPieces(handler(new RequestReader(call, active), active, new ResponseWriter(call, active)), call, door);
  };
}

function answerInPieces(result: Promise<unknown>, call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>, door: CallInterceptor): void {
  // An error event is how grpc-js takes the status of a streamed answer; what was written goes out before it.
  result.then(() => { call.end(); }, (error: unknown) => { call.emit('error', door.told(error, door.callOf(call.metadata))); });
}
