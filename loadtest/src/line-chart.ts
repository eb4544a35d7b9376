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

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);
}
