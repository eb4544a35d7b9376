import { Server, ServerCredentials, setLogger, type ServerOptions } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { RelayContext } from '../relay-context.js';
import { CallInterceptor } from './calls/call-interceptor.js';
import { MAX_MESSAGE_BYTES, fullName } from './calls/call-rules.js';
import { implementation } from './calls/implementation.js';
import { limitRequests, withoutPaths } from './calls/limit-requests.js';
import { jobsService } from './jobs-service.js';
import { describedPackage, serviceDefinitions, type ServiceName } from './proto/service-definitions.js';
import { sessionsService } from './sessions-service.js';
import { transcriptionService } from './transcription-service.js';

const OPTIONS: ServerOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  // Connections are asked whether anybody is there, with or without calls on them.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_concurrent_streams': 1_000,
};

/** The gRPC endpoint, listening. */
export interface GrpcEndpoint {
  readonly port: number;
  /** Reports NOT_SERVING, admits no call, lets the calls in progress finish; after `drainMs` they end with `shutting_down`. Call it once `draining` is aborted. */
  close(drainMs: number): Promise<void>;
}

/** Calls that are given up get this long to be told, milliseconds. */
const TELL_MS = 1_000;
/** From the end of the last call until its connection is cut, milliseconds: its status is on the way. */
const LAST_WORDS_MS = 100;

/** Opens the gRPC endpoint at `RELAY_HOST` and `GRPC_PORT`. Throws when the port cannot be had: an error with the code `EADDRINUSE` where another program has it. */
export async function startGrpc(context: RelayContext): Promise<GrpcEndpoint> {
  // What grpc-js has to say would go to the console.
  setLogger({
    error: (text: string) => {
      context.logger.warn({ text }, 'grpc');
    },
    info: (text: string) => {
      context.logger.info({ text }, 'grpc');
    },
    debug: (text: string) => {
      context.logger.debug({ text }, 'grpc');
    },
  });
  const calls = new CallInterceptor(context);
  const server = new Server({ ...OPTIONS, interceptors: [limitRequests, calls.interceptor] });
  withoutPaths(server);
  const definitions = serviceDefinitions();
  server.addService(
    definitions.Transcription,
    implementation(definitions.Transcription, transcriptionService(context), calls),
  );
  server.addService(definitions.Sessions, implementation(definitions.Sessions, sessionsService(context), calls));
  if (context.jobs !== undefined)
    server.addService(definitions.Jobs, implementation(definitions.Jobs, jobsService(context.jobs, context), calls));
  const served: readonly ServiceName[] =
    context.jobs === undefined ? ['Transcription', 'Sessions'] : ['Transcription', 'Sessions', 'Jobs'];
  const names = ['', ...served.map(fullName)];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, 'SERVING'])));
  health.addToServer(server);
  new ReflectionService(describedPackage(), {
    services: [...served.map(fullName), 'grpc.health.v1.Health'],
  }).addToServer(server);
  const port = await bound(server, context.config.RELAY_HOST, context.config.GRPC_PORT);
  const notServing = (): void => {
    calls.close();
    for (const name of names) health.setStatus(name, 'NOT_SERVING');
  };
  const cut = (): void => {
    server.forceShutdown();
  };
  const giveUp = (): void => {
    calls.abandon();
  };
  context.draining.addEventListener('abort', notServing, { once: true });
  return {
    port,
    close: async (drainMs) => {
      notServing();
      const timers = [setTimeout(giveUp, Math.max(0, drainMs - TELL_MS)), setTimeout(cut, drainMs)];
      const shut = new Promise<void>((resolve) => {
        server.tryShutdown(() => {
          resolve();
        });
      });
      void calls.idle().then(() => {
        timers.push(setTimeout(cut, LAST_WORDS_MS));
      });
      await shut;
      for (const timer of timers) clearTimeout(timer);
      context.draining.removeEventListener('abort', notServing);
    },
  };
}

function bound(server: Server, host: string, port: number): Promise<number> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, got) => {
      if (error === null) resolve(got);
      // grpc-js tells the system's code in its sentence only.
      else reject(error.message.includes('EADDRINUSE') ? Object.assign(error, { code: 'EADDRINUSE' }) : error);
    });
  });
}
