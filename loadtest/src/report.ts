import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
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

/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** Equal steps for equal factors of x. */
  readonly logX?: boolean;
  /** A horizontal line, as a goal. */
  readonly goal?: number;
}

const WIDTH = 720;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 16;
const TOP = 36;
const BOTTOM = 70;
// Okabe and Ito: told apart by people who do not see all colours.
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const TICKS = 5;

/** A chart as one SVG element that needs nothing else. Points that are no numbers are left out. */
export function lineChart({ title, x, y, series, logX = false, goal }: Chart): string {
  const shown = series.map((one) => ({
    ...one,
    points: one.points.filter(([px, py]) => Number.isFinite(px) && Number.isFinite(py) && !(logX && px <= 0)),
  }));
  const all = shown.flatMap(({ points }) => points);
  const scaled = (px: number): number => (logX ? Math.log2(px) : px);
  const xs = all.map(([px]) => scaled(px));
  const [least, most] = xs.length === 0 ? [0, 1] : [Math.min(...xs), Math.max(...xs)];
  const top = niceAbove(Math.max(...all.map(([, py]) => py), goal ?? 0, 1e-9));
  const atX = (px: number): number => LEFT + ((scaled(px) - least) / (most - least || 1)) * (WIDTH - LEFT - RIGHT);
  const atY = (py: number): number => HEIGHT - BOTTOM - (py / top) * (HEIGHT - TOP - BOTTOM);
  const xTicks = logX
    ? [...new Set(all.map(([px]) => px))].sort((a, b) => a - b)
    : Array.from({ length: TICKS + 1 }, (_, i) => least + ((most - least) * i) / TICKS);
  const yTicks = Array.from({ length: TICKS + 1 }, (_, i) => (top * i) / TICKS);
  const line = (points: Series['points']): string =>
    points.map(([px, py]) => `${atX(px).toFixed(1)},${atY(py).toFixed(1)}`).join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" width="${String(WIDTH)}" height="${String(HEIGHT)}" role="img" aria-label="${escaped(title)}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${String(LEFT)}" y="20" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    ...yTicks.map(
      (tick) =>
        `<line x1="${String(LEFT)}" x2="${String(WIDTH - RIGHT)}" y1="${atY(tick).toFixed(1)}" y2="${atY(tick).toFixed(1)}" stroke="#dddddd"/><text x="${String(LEFT - 6)}" y="${(atY(tick) + 4).toFixed(1)}" text-anchor="end">${shortNumber(tick)}</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<text x="${atX(tick).toFixed(1)}" y="${String(HEIGHT - BOTTOM + 16)}" text-anchor="middle">${shortNumber(tick)}</text>`,
    ),
    `<text x="${String((LEFT + WIDTH - RIGHT) / 2)}" y="${String(HEIGHT - BOTTOM + 34)}" text-anchor="middle">${escaped(x)}</text>`,
    `<text x="14" y="${String((TOP + HEIGHT - BOTTOM) / 2)}" text-anchor="middle" transform="rotate(-90 14 ${String((TOP + HEIGHT - BOTTOM) / 2)})">${escaped(y)}</text>`,
    ...(goal === undefined
      ? []
      : [
          `<line x1="${String(LEFT)}" x2="${String(WIDTH - RIGHT)}" y1="${atY(goal).toFixed(1)}" y2="${atY(goal).toFixed(1)}" stroke="#888888" stroke-dasharray="6 4"/>`,
        ]),
    ...shown.flatMap(({ name, points }, i) => {
      const colour = COLOURS[i % COLOURS.length] ?? '#000000';
      const legendX = LEFT + i * ((WIDTH - LEFT - RIGHT) / Math.max(1, shown.length));
      return [
        `<polyline points="${line(points)}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...points.map(
          ([px, py]) =>
            `<circle cx="${atX(px).toFixed(1)}" cy="${atY(py).toFixed(1)}" r="2.5" fill="${colour}"><title>${escaped(name)}: ${shortNumber(px)}, ${shortNumber(py)}</title></circle>`,
        ),
        `<text x="${legendX.toFixed(1)}" y="${String(HEIGHT - 10)}" fill="${colour}">${escaped(name)}</text>`,
      ];
    }),
    '</svg>',
  ].join('\n');
}

/** The next of 1, 2, 2.5, 5 and 10 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5].find((step) => step * power >= value) ?? 10) * power;
}

/** A number in few characters: three digits that count. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);
}
