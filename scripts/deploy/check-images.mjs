import { findExecutable } from '../setup/executables.mjs';
import { runCommand } from '../setup/command.mjs';
import { ROOT } from '../setup/paths.mjs';
import { heading, say, seconds } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { test } from '../test/main.mjs';

/** Targets of the Dockerfile, and what an image of each may weigh, MB. The CUDA libraries are as large as they are. */
const TARGETS = { api: 450, 'stream-relay': 450, worker: 550, 'worker-cuda': null };
const TAG = 'check';

/**
 * `npm run check:images [-- TARGET…]`; returns the exit status. Builds all targets but `worker-cuda` (2 GB of downloads) unless it names
 * others, then runs api, stream-relay and worker as a cluster.
 */
export async function checkImages() {
  const build = (process.env.CONTAINER_BUILD ?? 'docker build').split(' ');
  const engine = (process.env.CONTAINER_ENGINE ?? 'docker').split(' ');
  if (findExecutable([build[0]]) === null || findExecutable([engine[0]]) === null)
    throw new SetupError(
      `check:images needs a container engine: ${build[0]} is not on the PATH. CONTAINER_BUILD (docker build), CONTAINER_RUN (docker run --network host) and CONTAINER_ENGINE (docker) name others.`,
    );
  const asked = process.argv.slice(2);
  const unknown = asked.find((target) => !Object.hasOwn(TARGETS, target));
  if (unknown !== undefined) throw new SetupError(`${unknown} is no target: ${Object.keys(TARGETS).join(', ')}`);
  let failed = false;
  for (const target of asked.length > 0 ? asked : ['api', 'stream-relay', 'worker']) {
    const image = `murmuration-${target}:${TAG}`;
    heading(`image ${target}`);
    const started = performance.now();
    const built = await runCommand(
      build[0],
      [...build.slice(1), '-f', 'deploy/images/Dockerfile', '--target', target, '-t', image, '.'],
      { cwd: ROOT },
    );
    if (built.code !== 0) throw new SetupError(`${target} was not built:\n${built.lines.slice(-40).join('\n')}`);
    const told = await runCommand(engine[0], [...engine.slice(1), 'image', 'inspect', '--format', '{{.Size}}', image]);
    if (told.code !== 0) throw new SetupError(told.lines.join('\n'));
    const megabytes = Math.round(Number(told.stdout.trim()) / 1e6);
    const most = TARGETS[target];
    const heavy = most !== null && megabytes > most;
    failed ||= heavy;
    say(
      'images',
      `${heavy ? 'BAD ' : 'good'}  ${target}: ${String(megabytes)} MB${most === null ? '' : ` of at most ${String(most)}`}, built in ${seconds(performance.now() - started)}`,
    );
  }
  if (asked.length > 0) return failed ? 1 : 0;
  process.env.CONTAINER_RUN ??= 'docker run --network host';
  process.env.IMAGES_TAG = TAG;
  const ran = await test(['test/src/images.test.ts']);
  return failed ? 1 : ran;
}
