import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runCommand } from '../setup/command.mjs';
import { findExecutable } from '../setup/executables.mjs';
import { ROOT } from '../setup/paths.mjs';
import { say } from '../setup/say.mjs';
import { BAD_VALUES } from './bad-values.mjs';
import { composeFaults, environmentFaults } from './compose.mjs';
import { CHART, KUBE_VERSION, findHelm, render } from './helm.mjs';
import { podFaults, referenceFaults, unknownMetrics } from './objects.mjs';
import { at, changed, leafPaths, nested, schemaFaults, undeclaredPaths } from './values.mjs';

const COMPOSE = join(ROOT, 'deploy', 'compose');

/** `npm run check:deploy`; answers the exit status. */
export async function checkDeploy() {
  const { parse, parseAllDocuments } = await import('yaml');
  const scratch = mkdtempSync(join(tmpdir(), 'murmuration-deploy-'));
  let failed = 0;
  const missing = [];
  const check = async (name, work) => {
    const faults = await work();
    failed += faults.length;
    say('deploy', `${faults.length === 0 ? 'good' : 'BAD '}  ${name}`);
    for (const fault of faults) console.log(`  ${fault}`);
  };
  try {
    const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const templates = readdirSync(join(CHART, 'templates'))
      .map((name) => readFileSync(join(CHART, 'templates', name), 'utf8'))
      .join('\n');
    const presets = readdirSync(join(CHART, 'ci')).map((name) => join(CHART, 'ci', name));
    const laptop = join(CHART, 'ci', 'laptop-values.yaml');
    await check('values.yaml and values.schema.json name the same keys, and every map is closed', () =>
      schemaFaults(schema, values),
    );
    await check('every value that a template reads is declared', () =>
      undeclaredPaths(templates, values).map((path) => `${path} is read and not in values.yaml`),
    );

    const helm = await findHelm();
    const rendered = new Map();
    if (helm === null) missing.push('helm: nothing was rendered');
    else {
      for (const preset of presets) {
        await check(`${basename(preset)} passes the strict lint, renders, and its objects hold together`, async () => {
          const lint = await runCommand(helm, [
            'lint',
            '--strict',
            '--kube-version',
            KUBE_VERSION,
            CHART,
            '--values',
            preset,
          ]);
          const { text, fault } = await render(helm, CHART, preset);
          if (lint.code !== 0 || text === null) return [...lint.lines, fault ?? ''];
          rendered.set(preset, text);
          const documents = parseAllDocuments(text, { uniqueKeys: true });
          const broken = documents.flatMap((document) => document.errors.map((error) => error.message));
          if (broken.length > 0) return broken;
          const objects = documents.map((document) => document.toJS()).filter((object) => object !== null);
          const metrics = new Set(
            [
              ...readFileSync(join(ROOT, 'packages', 'runtime', 'src', 'metrics.ts'), 'utf8').matchAll(
                /'(asr_[a-z_]+)'/g,
              ),
            ].map(([, name]) => name),
          );
          return [
            ...podFaults(objects),
            ...referenceFaults(objects),
            ...unknownMetrics(text, metrics)
              // Those of every process, which prom-client names.
              .filter((name) => !/^asr_(?:process|nodejs)_/.test(name))
              .map((name) => `${name} is no metric of the services`),
          ];
        });
      }
      await check(`${String(BAD_VALUES.length)} kinds of bad values are refused, naming the key`, () =>
        inTurns(BAD_VALUES, async ({ what, values: bad, says }, i) => {
          const file = join(scratch, `bad-${String(i)}.json`);
          writeFileSync(file, JSON.stringify(bad));
          const { fault } = await render(helm, CHART, laptop, ['--values', file]);
          if (fault === null) return [`${what} is taken`];
          return says.test(fault) ? [] : [`${what} is refused with: ${fault}`];
        }),
      );
      await check('every declared value changes what is rendered', () =>
        inTurns(leafPaths(values), async (path, i) => {
          for (const preset of [join(CHART, 'ci', 'gpu-cluster-values.yaml'), ...presets]) {
            // Beside the values of the preset, so that a key that it sets itself is changed as well.
            const own = at(parse(readFileSync(preset, 'utf8')), path) ?? at(values, path);
            const file = join(scratch, `changed-${String(i)}.json`);
            writeFileSync(
              file,
              JSON.stringify(nested(path, path.join('.') === 'workerPools' ? { other: {} } : changed(own))),
            );
            const { text, fault } = await render(helm, CHART, preset, ['--values', file], false);
            // A refusal by name is a use as well.
            if (text === null ? fault.includes(path.at(-1)) : text !== rendered.get(preset)) return [];
          }
          return [`${path.join('.')} changes no render of any ci file`];
        }),
      );
    }

    const promtool = findExecutable(['promtool']);
    const rules = [...rendered.values()]
      .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS()))
      .filter((object) => object?.kind === 'PrometheusRule');
    if (promtool === null) missing.push('promtool (Debian: prometheus): the alert rules were not tested');
    else if (helm !== null) {
      await check('alert rules pass promtool, and their unit tests', async () => {
        writeFileSync(join(scratch, 'rules.json'), JSON.stringify(rules[0].spec));
        writeFileSync(join(scratch, 'rules.test.yaml'), readFileSync(join(CHART, 'tests', 'rules.test.yaml')));
        const results = [
          await runCommand(promtool, ['check', 'rules', join(scratch, 'rules.json')]),
          await runCommand(promtool, ['test', 'rules', join(scratch, 'rules.test.yaml')]),
        ];
        return results.flatMap((result) => (result.code === 0 ? [] : result.lines));
      });
    }

    const compose = parse(readFileSync(join(COMPOSE, 'compose.yaml'), 'utf8'), { merge: true });
    await check('compose.yaml: every service is healthy before others use it, bounded and restricted', () =>
      composeFaults(compose),
    );
    await check('.env.example explains every variable of compose.yaml', () =>
      environmentFaults(
        readFileSync(join(COMPOSE, 'compose.yaml'), 'utf8'),
        readFileSync(join(COMPOSE, '.env.example'), 'utf8'),
      ),
    );
    const haproxy = findExecutable(['haproxy']);
    if (haproxy === null) missing.push('haproxy: its configuration was not read by it');
    else {
      await check('HAProxy takes its configuration', async () => {
        // Its names are those of the compose network: here they resolve to nothing.
        const result = await runCommand(haproxy, ['-c', '-f', join(COMPOSE, 'haproxy.cfg')]);
        return result.code === 0 ? [] : result.lines;
      });
    }
    const docker = findExecutable(['docker']);
    if (docker === null || (await runCommand(docker, ['compose', 'version'])).code !== 0)
      missing.push('docker compose: compose.yaml was read as YAML only, the Dockerfile not at all');
    else {
      for (const profile of ['cpu', 'gpu']) {
        await check(`docker compose reads profile ${profile}`, async () => {
          const result = await runCommand(docker, [
            'compose',
            '--env-file',
            join(COMPOSE, '.env.example'),
            '--file',
            join(COMPOSE, 'compose.yaml'),
            '--profile',
            profile,
            'config',
            '--quiet',
          ]);
          return result.code === 0 ? [] : result.lines;
        });
      }
    }
    for (const line of missing) say('deploy', `missing  ${line}`);
    say('deploy', failed === 0 ? 'all that could be checked is good' : `${String(failed)} faults`);
    return failed === 0 ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The faults of all, a few at a time. */
async function inTurns(items, work) {
  const faults = [];
  let next = 0;
  const run = async () => {
    while (next < items.length) {
      const i = next++;
      faults.push(...(await work(items[i], i)));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, run));
  return faults;
}
