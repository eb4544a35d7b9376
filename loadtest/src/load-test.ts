import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readClips } from './clips.js';
import { environment } from './config.js';
import { shortNumber, faultsOf, htmlReport, machine, type Result } from './report.js';
import { MOST_LAG_MS } from './open-loop.js';
import { OwnCluster } from './own-cluster.js';
import { SCENARIOS } from './scenarios/scenarios.js';
import { Target, type TargetOptions } from './target.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOSS_STATUS = 1;
const USAGE_STATUS = 2;
const VOID_STATUS = 3;
const SPEECH_MS = 20_000;

const USAGE = `npm run loadtest -- SCENARIO [options]

${Object.entries(SCENARIOS)
  .map(([name, { what }]) => `  ${name.padEnd(18)} ${what}`)
  .join('\n')}

  --url URL          address of the API; without it a small cluster is started here and stopped after the run
  --key KEY          API key
  --grpc HOST:PORT   address of gRPC; without it a run against --url leaves gRPC out
  --metrics URL,…    pages of /metrics of the services, for their memory
  --workers N        of the own cluster (default 1)
  --model NAME       of the own cluster (default moonshine-tiny)
  --audio FOLDER     clips with samples.json or manifest.json (default samples/)
  --seconds N        of the run, or of each level
  --speech N         seconds that a live speaker speaks at least (default 20)
  --rate N           arrivals a second (default half of the measured capacity; for overload the capacity itself)
  --levels N,…       numbers of clients or streams to try
  --seed N           of the schedule (default 1)
  --out FOLDER       of report and figures (default .murmuration/loadtest/SCENARIO)

Exit status: 0 when nothing was lost and nothing came twice, 1 else, 2 for a wrong command line, 3 when the generator itself was more than ${String(MOST_LAG_MS)} ms late.`;

export interface Terminal {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

interface Asked {
  readonly scenario: string;
  readonly url: string | null;
  readonly key: string | null;
  readonly grpc: string | null;
  readonly metrics: readonly string[];
  readonly workers: number;
  readonly model: string | null;
  readonly audio: string;
  readonly seconds: number | null;
  readonly speechSeconds: number | null;
  readonly rate: number | null;
  readonly levels: readonly number[] | null;
  readonly seed: number;
  readonly out: string;
}

/** npm changes to the checkout before it runs a script and keeps the person's folder in `INIT_CWD`. */
function typedPath(path: string): string {
  return isAbsolute(path) ? path : resolve(environment()['INIT_CWD'] ?? process.cwd(), path);
}

function numberOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new RangeError(`${name} takes a number above 0`);
  return value;
}

/** Reads a command line; null when only the usage is asked for. Throws what is wrong with it. */
function parse(args: readonly string[]): Asked | null {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      url: text,
      key: text,
      grpc: text,
      metrics: text,
      workers: text,
      model: text,
      audio: text,
      seconds: text,
      speech: text,
      rate: text,
      levels: text,
      seed: text,
      out: text,
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return null;
  const [scenario = '', ...rest] = positionals;
  if (SCENARIOS[scenario] === undefined || rest.length > 0)
    throw new RangeError(scenario === '' ? 'name a scenario' : `there is no scenario '${positionals.join(' ')}'`);
  return {
    scenario,
    url: values.url?.replace(/\/+$/, '') ?? null,
    key: values.key ?? null,
    grpc: values.grpc ?? null,
    metrics: values.metrics?.split(',') ?? [],
    workers: numberOf('--workers', values.workers) ?? 1,
    model: values.model ?? null,
    audio: values.audio === undefined ? join(ROOT, 'samples') : typedPath(values.audio),
    seconds: numberOf('--seconds', values.seconds),
    speechSeconds: numberOf('--speech', values.speech),
    rate: numberOf('--rate', values.rate),
    levels: values.levels?.split(',').map((level) => Math.round(numberOf('--levels', level) ?? 1)) ?? null,
    seed: numberOf('--seed', values.seed) ?? 1,
    out: values.out === undefined ? join(ROOT, '.murmuration', 'loadtest', scenario) : typedPath(values.out),
  };
}

/** `npm run loadtest`; answers the exit status. */
export async function loadTest(args: readonly string[], terminal: Terminal): Promise<number> {
  let asked: Asked | null;
  try {
    asked = parse(args);
  } catch (error) {
    terminal.err(`${(error as Error).message}\n\n${USAGE}`);
    return USAGE_STATUS;
  }
  if (asked === null) {
    terminal.out(USAGE);
    return 0;
  }
  const own =
    asked.url === null
      ? await OwnCluster.start({
          workers: asked.workers,
          variables: asked.model === null ? {} : { MODEL_PATH: asked.model },
        })
      : null;
  try {
    const addresses: Pick<TargetOptions, 'url' | 'grpc' | 'metrics'> = own?.addresses ?? {
      url: asked.url ?? '',
      grpc: asked.grpc,
      metrics: asked.metrics,
    };
    const result = await runScenario(asked, addresses, terminal);
    await writeResult(asked, addresses.url, result, terminal);
    const { lost, duplicates } = faultsOf(result);
    if (lost + duplicates > 0) return LOSS_STATUS;
    return result.isVoid ? VOID_STATUS : 0;
  } finally {
    await own?.close();
  }
}

async function runScenario(
  asked: Asked,
  addresses: Pick<TargetOptions, 'url' | 'grpc' | 'metrics'>,
  terminal: Terminal,
): Promise<Result> {
  const scenario = SCENARIOS[asked.scenario];
  if (scenario === undefined) throw new RangeError(`there is no scenario '${asked.scenario}'`);
  const target = new Target({
    ...addresses,
    key: asked.key,
    clips: await readClips(asked.audio),
    speechMs: (asked.speechSeconds ?? SPEECH_MS / 1_000) * 1_000,
  });
  try {
    return await scenario.run(target, {
      durationMs: asked.seconds === null ? scenario.durationMs : asked.seconds * 1_000,
      ratePerSecond: asked.rate,
      levels: asked.levels ?? scenario.levels,
      seed: asked.seed,
      say: terminal.out,
    });
  } finally {
    target.close();
  }
}

async function writeResult(asked: Asked, url: string, result: Result, terminal: Terminal): Promise<void> {
  const about = { when: new Date().toISOString(), ...machine(), address: asked.url === null ? 'own cluster' : url };
  await mkdir(asked.out, { recursive: true });
  const page = join(asked.out, 'report.html');
  const lines = join(asked.out, 'figures.jsonl');
  await mkdir(dirname(page), { recursive: true });
  await writeFile(page, htmlReport(result, about));
  await writeFile(
    lines,
    [
      JSON.stringify({ bench: `loadtest ${result.scenario}`, about, lagMs: result.lagMs, isVoid: result.isVoid }),
      ...result.figures.map((figure) => JSON.stringify({ bench: `loadtest ${result.scenario}`, ...figure })),
    ].join('\n') + '\n',
  );
  const width = Math.max(...result.figures.map(({ name }) => name.length));
  for (const { name, value, unit, note, met } of result.figures)
    terminal.out(
      `${name.padEnd(width)}  ${shortNumber(value).padStart(9)} ${unit}${note === undefined ? '' : `  (${note})`}${met === undefined ? '' : met ? '  goal met' : '  goal MISSED'}`,
    );
  const { lost, duplicates } = faultsOf(result);
  terminal.out(
    `lost ${String(lost)}, duplicated ${String(duplicates)}; own lag ${result.lagMs.toFixed(0)} ms${result.isVoid ? ': the run is VOID, times count for nothing' : ''}`,
  );
  for (const { name, summary } of result.parts)
    if (Object.keys(summary.lost).length > 0) terminal.out(`${name}: lost ${JSON.stringify(summary.lost)}`);
  terminal.out(`report: ${page}\nfigures: ${lines}`);
}
