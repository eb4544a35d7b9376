import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { escaped, lineChart, shortNumber, type Chart } from './line-chart.js';
import { countOf, type Summary } from './recorder.js';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly note?: string;
  /** Whether a goal is met; left out where there is none. */
  readonly met?: boolean;
}

/** What a scenario found. */
export interface Result {
  readonly scenario: string;
  readonly figures: readonly Figure[];
  readonly charts: readonly Chart[];
  /** Sums by kind of work, or by level. */
  readonly parts: readonly { readonly name: string; readonly summary: Summary }[];
  readonly lagMs: number;
  /** The generator was too late itself: times count for nothing. */
  readonly isVoid: boolean;
}

/** Work without a result, and results that came twice: what no run may have. */
export function faultsOf({ parts }: Result): { readonly lost: number; readonly duplicates: number } {
  return {
    lost: parts.reduce((sum, { summary }) => sum + countOf(summary.lost), 0),
    duplicates: parts.reduce((sum, { summary }) => sum + summary.duplicates, 0),
  };
}

/** The machine that the generator ran on. */
export function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
}

export function rateOf(errors: number, words: number): number {
  return words === 0 ? 0 : (100 * errors) / words;
}

const STYLE =
  'body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:right}td:first-child,th:first-child{text-align:left}.bad{color:#b00020;font-weight:bold}svg{max-width:100%;height:auto}';

/** The report as one page that needs nothing else. */
export function htmlReport(result: Result, about: Readonly<Record<string, string | number>>): string {
  const faults = faultsOf(result);
  const row = (cells: readonly string[], tag = 'td'): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  const parts = result.parts.map(({ name, summary }) =>
    row([
      name,
      String(summary.done),
      named(summary.refused),
      named(summary.lost),
      String(summary.duplicates),
      ...[summary.latency.p50, summary.latency.p95, summary.latency.p99, summary.latency.max].map(shortNumber),
      shortNumber(summary.audioMs / summary.wallMs),
      `${shortNumber(rateOf(summary.wordErrors, summary.words))} %`,
    ]),
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Load test: ${escaped(result.scenario)}</title><style>${STYLE}</style>
<h1>Load test: ${escaped(result.scenario)}</h1>
<p>${Object.entries(about)
    .map(([name, value]) => `${escaped(name)}: ${escaped(String(value))}`)
    .join(' · ')}</p>
${result.isVoid ? `<p class="bad">Void: the generator itself was ${shortNumber(result.lagMs)} ms late. Times count for nothing; the checks of text and duplicates do.</p>` : `<p>The generator's own lag: ${shortNumber(result.lagMs)} ms at its 99th percentile.</p>`}
<p${faults.lost + faults.duplicates > 0 ? ' class="bad"' : ''}>Lost: ${String(faults.lost)} · duplicated: ${String(faults.duplicates)}</p>
<table>${row(['figure', 'value', 'note'], 'th')}${result.figures.map((figure) => row([figure.name, `${shortNumber(figure.value)} ${figure.unit}`, [figure.note ?? '', figure.met === undefined ? '' : figure.met ? 'goal met' : 'goal missed'].filter((text) => text !== '').join('; ')])).join('')}</table>
<table>${row(['', 'done', 'refused', 'lost', 'twice', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', '× real time', 'word errors'], 'th')}${parts.join('')}</table>
<p>Latency counts from the time at which a request was due; that of live speech from the end of an utterance's speech and the silence that closes it.</p>
${result.charts.map(lineChart).join('\n')}
</html>
`;
}

function named(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  return entries.length === 0 ? '0' : entries.map(([name, count]) => `${String(count)} ${name}`).join(', ');
}
