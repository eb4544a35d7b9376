import { basename, join } from 'node:path';
import { checkAccessVariables, checkWyomingVariables } from '@murmuration/access';
import { booleanVariable } from '@murmuration/runtime';
import { ensureFfmpeg } from '../../../scripts/setup/ffmpeg.mjs';
import { Instance } from '../../../scripts/setup/instance.mjs';
import { ROOT, stateFolder, typedModel, typedPath } from '../../../scripts/setup/paths.mjs';
import { ensureFiles } from '../../../scripts/setup/prepare.mjs';
import { ensureRedisBinary } from '../../../scripts/setup/redis-binary.mjs';
import { say } from '../../../scripts/setup/say.mjs';
import { SetupError } from '../../../scripts/setup/setup-error.mjs';
import type { UpGiven } from '../commands.js';
import type { Environment } from '../config.js';
import type { Terminal } from '../terminal.js';
import { bracketed, describeAddresses, reachableHost, DEFAULT_REDIS_URL, requireRedisAt } from './addresses.js';
import { Cluster } from './cluster.js';
import { choosePorts, requireFreePorts } from './ports.js';
import { listenForStop, watchParent } from './stop-signals.js';
import { describeTranscript, requireFiles, transcribeFile } from './transcribe-file.js';
import type { UpArguments } from './up-arguments.js';

// After a crash, services see that their starter is gone and need a moment to end.
const AFTER_CRASH_MS = 15_000;
const SAMPLE = join(ROOT, 'samples', 'much-in-his-power.wav');
const DEFAULT_MODEL = 'moonshine-tiny';

/** `murmur up …`, and the body of `npm start`; answers the exit status. Throws `EnvironmentError`. */
export async function upCommand(
  asked: UpArguments,
  environment: Environment,
  terminal: Terminal,
  given: UpGiven = {},
): Promise<number> {
  try {
    return await up(asked, environment, terminal, given);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    terminal.err(`\n${error.message}\n`);
    return 1;
  }
}

async function up(asked: UpArguments, environment: Environment, terminal: Terminal, given: UpGiven): Promise<number> {
  const files = asked.files.map((file) => typedPath(file));
  await requireFiles(files);
  const instance = given.instance ?? (await Instance.claim(join(stateFolder(), 'start.json')));
  try {
    return await run(asked, { files, instance, environment, terminal, prepared: given.files });
  } finally {
    instance.release();
  }
}

async function run(
  asked: UpArguments,
  {
    files,
    instance,
    environment: { API_KEY: apiKey = '', ...environment },
    terminal,
    prepared,
  }: {
    readonly files: readonly string[];
    readonly instance: Instance;
    /** `API_KEY` is for this command alone. */
    readonly environment: Environment;
    readonly terminal: Terminal;
    readonly prepared: Promise<void> | undefined;
  },
): Promise<number> {
  const variable = (name: string): string | null =>
    (environment[name]?.trim() ?? '') === '' ? null : (environment[name] ?? '').trim();
  const askedModel = asked.model ?? variable('MODEL_PATH');
  const model = askedModel === null ? DEFAULT_MODEL : typedModel(askedModel);
  const services = askedModel === null ? environment : { ...environment, MODEL_PATH: model };
  const hosts = {
    apiHost: variable('API_HOST') ?? '127.0.0.1',
    relayHost: variable('RELAY_HOST') ?? '127.0.0.1',
    wyomingHost: variable('WYOMING_HOST') ?? variable('RELAY_HOST') ?? '127.0.0.1',
    metricsHost: variable('METRICS_HOST') ?? '127.0.0.1',
  };
  const redisUrl = variable('REDIS_URL') ?? (asked.ownRedis ? null : DEFAULT_REDIS_URL);
  // Behind a balancer the services listen on loopback, and would not see that the balancer does not.
  const access = {
    API_KEYS_FILE: variable('API_KEYS_FILE') ?? undefined,
    AUTH: variable('AUTH') === 'off' ? ('off' as const) : undefined,
  };
  if (asked.apis > 1) checkAccessVariables(access, 'API_HOST', hosts.apiHost);
  if (asked.relays > 1) checkAccessVariables(access, 'RELAY_HOST', hosts.relayHost);
  if (asked.relays > 1 && variable('WYOMING_PORT') !== null) {
    const WYOMING_WITHOUT_KEYS = booleanVariable.parse(variable('WYOMING_WITHOUT_KEYS') ?? 'false');
    checkWyomingVariables({ ...access, WYOMING_WITHOUT_KEYS }, hosts.wyomingHost);
  }

  const ports = await choosePorts(environment, asked);
  await requireFreePorts(ports, hosts, instance.afterCrash ? AFTER_CRASH_MS : 0);
  if (redisUrl !== null) await requireRedisAt(redisUrl);
  await (prepared ?? ensureFiles({ model }));
  const redisBinary = redisUrl === null ? await ensureRedisBinary() : null;
  await ensureFfmpeg();
  // What the services write (logs, spooled uploads, Redis' data, stored audio) is for this user alone.
  process.umask(0o077);

  const leave = new AbortController();
  const cluster = new Cluster({
    ...hosts,
    stateFolder: stateFolder(),
    environment: services,
    redisUrl,
    redisBinary,
    ports,
    onFatal: (message) => {
      leave.abort(new SetupError(message));
    },
  });
  // The last resort when this process ends by an error of its own.
  process.once('exit', () => {
    cluster.kill();
  });
  const stop = (): void => {
    leave.abort(new Stopped());
  };
  const unwatch = ['start', 'npx'].includes(environment.npm_lifecycle_event ?? '')
    ? watchParent(stop)
    : () => undefined;
  const unlisten = listenForStop({
    onFirst: stop,
    onSecond: () => {
      say('murmuration', 'killed');
      cluster.kill();
      instance.release();
      process.exit(130);
    },
  });
  let serving = false;
  try {
    await untilAborted(cluster.start(), leave.signal);
    const url = `http://${bracketed(reachableHost(hosts.apiHost))}:${String(ports.api)}`;
    instance.serves(url);
    const keyMissing = access.API_KEYS_FILE !== undefined && apiKey === '';
    if (keyMissing)
      say(
        'murmuration',
        'nothing is transcribed, since API_KEYS_FILE asks for a key: set API_KEY to one that has the scope transcribe',
      );
    const status = keyMissing ? 1 : await transcribeAll(url, files, apiKey, leave.signal, terminal);
    if (asked.once) return status;
    terminal.out(
      `\n${describeAddresses({ url, relayHost: hosts.relayHost, ports, redisRecord: redisBinary === null ? null : join(stateFolder(), 'redis', 'server.json') }).join('\n')}\n\n`,
    );
    serving = true;
    await untilAborted(new Promise(() => undefined), leave.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return serving ? 0 : 130;
  } finally {
    if (leave.signal.aborted)
      say(
        'murmuration',
        'ending in order: the HTTP services and relays, the workers, Redis; Ctrl-C again ends at once',
      );
    await cluster.stop();
    unlisten();
    unwatch();
  }
}

/** The person wants to end. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** What `work` gives, or the reason of the signal as soon as that is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Transcribes the files, or the bundled sample when there are none, one after the other; answers 0 when all went well. */
async function transcribeAll(
  url: string,
  files: readonly string[],
  apiKey: string,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<number> {
  let status = 0;
  for (const path of files.length > 0 ? files : [SAMPLE]) {
    try {
      const { transcript, tookMs } = await untilAborted(transcribeFile(url, path, signal, apiKey), signal);
      terminal.out(`\n${describeTranscript(basename(path), transcript, tookMs).join('\n')}\n`);
      // The sample is speech: without text something is wrong, whatever the server says.
      if (files.length === 0 && transcript.text.trim() === '') status = 1;
    } catch (error) {
      if (!(error instanceof SetupError) || signal.aborted) throw error;
      terminal.err(`\n${error.message}\n`);
      status = 1;
    }
  }
  return status;
}
