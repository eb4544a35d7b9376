import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '@murmuration/loadtest';

/** One measured figure, as printed and as a JSON line. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it is of, in a few words. */
  readonly note?: string;
}

/** Prints a table and one JSON line a figure. With `BENCH_RESULTS` the lines are stored in that folder too, after one that names the machine. */
export function printFigures(bench: string, figures: readonly Figure[]): void {
  const width = Math.max(...figures.map((figure) => figure.name.length));
  for (const { name, value, unit, note } of figures) {
    process.stdout.write(
      `${name.padEnd(width)}  ${format(value).padStart(10)} ${unit}${note === undefined ? '' : `  (${note})`}\n`,
    );
  }
  const lines = figures.map((figure) => JSON.stringify({ bench, ...figure }));
  process.stdout.write(`${lines.join('\n')}\n`);
  const folder = process.env['BENCH_RESULTS'] ?? '';
  if (folder === '') return;
  const about = { when: new Date().toISOString().slice(0, 10), ...machine() };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${bench}.jsonl`), `${[JSON.stringify({ bench, about }), ...lines].join('\n')}\n`);
}

function format(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(value < 1 ? 3 : 2);
}

/** The value below which the share `p` (0 to 1) of the values lie; NaN of none. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
