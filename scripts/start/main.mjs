import { basename, join } from 'node:path';
import { ensureFfmpeg } from '../setup/ffmpeg.mjs';
import { ROOT, stateFolder, typedModel, typedPath } from '../setup/paths.mjs';
import { prepare } from '../setup/prepare.mjs';
import { DEFAULT_REDIS_URL, requireRedisAt } from '../setup/redis-address.mjs';
import { ensureRedisBinary } from '../setup/redis-binary.mjs';
import { say } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { bracketed, describeAddresses, reachableHost } from './addresses.mjs';
import { UsageError, USAGE, parseStartArguments } from './arguments.mjs';
import { Cluster } from './cluster.mjs';
import { Instance } from './instance.mjs';
import { choosePorts, requireFreePorts } from './ports.mjs';
import { listenForStop } from './stop-signals.mjs';
import { watchParent } from './watch-parent.mjs';
import { describeTranscript, requireFiles, transcribeFile } from './transcribe-file.mjs';

// After a crash, services see that their starter is gone and need a moment to end.
const AFTER_CRASH_MS = 15_000;
const SAMPLE = join(ROOT, 'samples', 'much-in-his-power.wav');

/** `npm start`; answers the exit status. */
export async function start(args) {
  let options;
  try {
    options = parseStartArguments(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const files = options.files.map((file) => typedPath(file));
  await requireFiles(files);
  const instance = await Instance.claim(join(stateFolder(), 'start.json'));
  try {
    return await run(options, files, instance);
  } finally {
    instance.release();
  }
}

async function run(options, files, instance) {
  // The key is this script's alone.
  const { API_KEY: apiKey = '', ...environment } = process.env;
  const askedModel = options.model ?? environment.MODEL_PATH?.trim() ?? '';
  if (askedModel !== '') environment.MODEL_PATH = typedModel(askedModel);
  const model = askedModel === '' ? 'moonshine-tiny' : environment.MODEL_PATH;
  const apiHost = environment.API_HOST?.trim() || '127.0.0.1';
  const relayHost = environment.RELAY_HOST?.trim() || '127.0.0.1';
  const metricsHost = environment.METRICS_HOST?.trim() || '127.0.0.1';
  const givenRedis = environment.REDIS_URL?.trim() || null;
  const redisUrl = givenRedis ?? (options.ownRedis ? null : DEFAULT_REDIS_URL);

  const ports = await choosePorts(environment, options.workers);
  await requireFreePorts(ports, { apiHost, relayHost, metricsHost }, instance.afterCrash ? AFTER_CRASH_MS : 0);
  if (redisUrl !== null) await requireRedisAt(redisUrl);
  await prepare({ wants: (artifact) => artifact.models === undefined || artifact.models.includes(model) });
  const redisBinary = redisUrl === null ? await ensureRedisBinary() : null;
  await ensureFfmpeg();
  // What the services write (logs, spooled uploads, Redis' data, stored audio) is for this user alone.
  process.umask(0o077);

  const leave = new AbortController();
  const cluster = new Cluster({
    stateFolder: stateFolder(), environment, redisUrl, redisBinary, ports,
    relayHost: bracketed(reachableHost(relayHost)),
    metricsHost: reachableHost(metricsHost),
    workers: options.workers,
    onFatal: (message) => { leave.abort(new SetupError(message)); },
  });
  // The last resort when this process ends by an error of its own.
  process.once('exit', () => { cluster.kill(); });
  const stop = () => { leave.abort(new Stopped()); };
  const unwatch = environment.npm_lifecycle_event === 'start' ? watchParent(stop) : () => {};
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
    const url = `http://${bracketed(reachableHost(apiHost))}:${String(ports.api)}`;
    instance.serves(url);
    const keyMissing = (environment.API_KEYS_FILE ?? '') !== '' && apiKey === '';
    if (keyMissing) say('murmuration', 'nothing is transcribed, since API_KEYS_FILE asks for a key: set API_KEY to one that has the scope transcribe');
    const status = keyMissing ? 1 : await transcribeAll(url, files, apiKey, leave.signal);
    if (options.once) return status;
    console.log(`\n${describeAddresses({ url, relayHost, ports, redisRecord: redisBinary === null ? null : join(stateFolder(), 'redis', 'server.json') }).join('\n')}\n`);
    serving = true;
    await untilAborted(new Promise(() => {}), leave.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return serving ? 0 : 130;
  } finally {
    if (leave.signal.aborted) say('murmuration', 'ending in order: the doors, the workers, Redis; Ctrl-C again ends at once');
    await cluster.stop();
    unlisten();
    unwatch();
  }
}

/** The person wants to end. */
class Stopped extends Error {
  name = 'Stopped';
}

/** What `work` gives, or the reason of the signal as soon as that is aborted. */
async function untilAborted(work, signal) {
  let stop;
  const aborted = new Promise((_, reject) => {
    stop = () => { reject(signal.reason); };
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
async function transcribeAll(url, files, apiKey, signal) {
  let status = 0;
  for (const path of files.length > 0 ? files : [SAMPLE]) {
    try {
      const { transcript, tookMs } = await untilAborted(transcribeFile(url, path, signal, apiKey), signal);
      console.log(`\n${describeTranscript(basename(path), transcript, tookMs).join('\n')}`);
      // The sample is speech: without text something is wrong, whatever the door says.
      if (files.length === 0 && transcript.text.trim() === '') status = 1;
    } catch (error) {
      if (!(error instanceof SetupError) || signal.aborted) throw error;
      console.error(`\n${error.message}`);
      status = 1;
    }
  }
  return status;
}
