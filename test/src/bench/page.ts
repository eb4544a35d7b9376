import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lineChart, shortNumber, type Chart } from '@murmuration/loadtest';
import type { Figure } from '../harness/figures.js';
import { ROOT } from '../harness/service-process.js';

/*
 * Writes the tables and plots of docs/performance.md, between its two marks, from the results that are stored in docs/results.
 *   npm run bench -- NAME --store     stores the results of a measurement there
 *   npm run bench -- page
 */

const RESULTS = join(ROOT, 'docs', 'results');
const PAGE = join(ROOT, 'docs', 'performance.md');
const BEGIN = '<!-- results: written by npm run bench -- page -->';
const END = '<!-- end of results -->';
/** `16 workers: chunks`: a row, what the rows count, a column. */
const GRID = /^([\d.]+) (.+?): (.+)$/;

interface Stored {
  readonly bench: string;
  readonly about: Readonly<Record<string, string | number>>;
  readonly figures: readonly Figure[];
}

async function stored(file: string): Promise<Stored> {
  const [head = '{}', ...lines] = (await readFile(join(RESULTS, file), 'utf8')).trim().split('\n');
  const { bench, about } = JSON.parse(head) as Pick<Stored, 'bench' | 'about'>;
  // Whatever is no number in JSON is null there.
  const figures = lines.map((line) => JSON.parse(line) as Omit<Figure, 'value'> & { readonly value: number | null });
  return { bench, about, figures: figures.map((figure) => ({ ...figure, value: figure.value ?? Number.NaN })) };
}

/** Figures of one kind of row: `workers`, `clients`, `streams` … */
function grids(figures: readonly Figure[]): Map<string, Map<string, Map<number, Figure>>> {
  const found = new Map<string, Map<string, Map<number, Figure>>>();
  for (const figure of figures) {
    const [, row = '', kind = '', column = ''] = GRID.exec(figure.name) ?? [];
    if (kind === '') continue;
    const columns = found.get(kind) ?? new Map<string, Map<number, Figure>>();
    const cells = columns.get(column) ?? new Map<number, Figure>();
    cells.set(Number(row), figure);
    found.set(kind, columns.set(column, cells));
  }
  return found;
}

async function section({ bench, about, figures }: Stored): Promise<string> {
  const parts = [
    `### ${bench}`,
    Object.entries(about)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', '),
  ];
  for (const [kind, columns] of grids(figures)) {
    const rows = [...new Set([...columns.values()].flatMap((cells) => [...cells.keys()]))].sort((a, b) => a - b);
    const names = [...columns.keys()];
    const cell = (row: number, name: string): string => {
      const figure = columns.get(name)?.get(row);
      return figure === undefined ? '' : `${shortNumber(figure.value)} ${figure.unit}`.trim();
    };
    parts.push(
      [
        `| ${kind} | ${names.join(' | ')} |`,
        `|---|${names.map(() => '---').join('|')}|`,
        ...rows.map((row) => `| ${String(row)} | ${names.map((name) => cell(row, name)).join(' | ')} |`),
      ].join('\n'),
    );
    for (const unit of new Set([...columns.values()].flatMap((cells) => [...cells.values()].map((one) => one.unit)))) {
      const series: Chart['series'] = names.flatMap((name) => {
        const points = [...(columns.get(name) ?? [])]
          .filter(([row, figure]) => figure.unit === unit && row > 0)
          .sort(([a], [b]) => a - b)
          .map(([row, figure]) => [row, figure.value] as const);
        return points.length > 1 ? [{ name, points }] : [];
      });
      if (series.length === 0) continue;
      const file = `${bench} ${kind} ${unit}`
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-|-$/g, '');
      const chart = { title: `${bench}, by ${kind}`, x: kind, y: unit, logX: true, series };
      await writeFile(join(RESULTS, `${file}.svg`), `${lineChart(chart)}\n`);
      parts.push(`![${chart.title}: ${unit}](results/${file}.svg)`);
    }
  }
  const others = figures.filter(({ name }) => !GRID.test(name));
  if (others.length > 0)
    parts.push(
      [
        '| figure | value | |',
        '|---|---|---|',
        ...others.map(({ name, value, unit, note }) => `| ${name} | ${shortNumber(value)} ${unit} | ${note ?? ''} |`),
      ].join('\n'),
    );
  return parts.join('\n\n');
}

const files = (await readdir(RESULTS)).filter((name) => name.endsWith('.jsonl')).sort();
const sections = await Promise.all(files.map(async (file) => section(await stored(file))));
const page = await readFile(PAGE, 'utf8');
const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
if (begin < 0 || end < begin) throw new Error(`docs/performance.md lacks the lines '${BEGIN}' and '${END}'`);
await writeFile(PAGE, `${page.slice(0, begin)}${BEGIN}\n\n${sections.join('\n\n')}\n\n${page.slice(end)}`);
process.stdout.write(`${String(files.length)} stored results: docs/performance.md is written\n`);
