import { type ClusterFigures, type Murmuration, MurmurationError } from '@murmuration/client';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useSettings } from '../settings.tsx';

const EVERY_MS = 2_000;
/** An hour. */
const KEPT = 1_800;

export interface History {
  readonly figures: readonly ClusterFigures[];
  readonly error: unknown;
}

/** Figures of the cluster from when the view was opened first; asked for while somebody looks. */
class ClusterHistory {
  #history: History = { figures: [], error: null };
  #client: Murmuration | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  readonly history = (): History => this.#history;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) clearTimeout(this.#timer);
    };
  };

  /** Asks with this client from now on. */
  ask(client: Murmuration): void {
    this.#client = client;
    clearTimeout(this.#timer);
    void this.#round();
  }

  async #round(): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    try {
      const now = await client.cluster();
      if (client !== this.#client) return;
      this.#show({ figures: [...this.#history.figures, now].slice(-KEPT), error: null });
    } catch (error) {
      if (client !== this.#client) return;
      this.#show({ ...this.#history, error });
      // Another key may be allowed; asking again with this one is in vain.
      if (error instanceof MurmurationError && (error.status === 401 || error.status === 403)) return;
    }
    if (this.#listeners.size > 0) this.#timer = setTimeout(() => void this.#round(), EVERY_MS);
  }

  #show(history: History): void {
    this.#history = history;
    for (const listener of this.#listeners) listener();
  }
}

export const clusterHistory = new ClusterHistory();

const HEIGHT = 160;

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  readonly color: string;
}

/** Lines over time. `times`: Unix seconds. Screen readers are told the last value. */
export function Chart({
  title,
  times,
  lines,
}: {
  readonly title: string;
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}) {
  const { texts, theme } = useSettings();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const names = lines.map(({ name }) => name).join('\n');
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    // Asked each time it is drawn: the appearance may have changed.
    const ink = (): string => getComputedStyle(element).color;
    const axis = {
      stroke: ink,
      grid: { stroke: 'rgba(128, 128, 128, 0.25)' },
      ticks: { stroke: 'rgba(128, 128, 128, 0.25)' },
    };
    const made = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        series: [{}, ...lines.map(({ name, color }) => ({ label: name, stroke: color, width: 2 }))],
        axes: [axis, { ...axis, size: 56 }],
        scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
        cursor: { drag: { x: false, y: false } },
      },
      [[]],
      element,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
    // Made anew for other lines or colours only; values come below.
  }, [names, theme]);
  useEffect(() => {
    plot.current?.setData([[...times], ...lines.map(({ values }) => [...values])]);
  });
  const last = lines
    .map(({ name, values }) => `${name} ${String(Math.round((values.at(-1) ?? 0) * 10) / 10)}`)
    .join(', ');
  return (
    <figure className="card min-w-0">
      <figcaption className="mb-2 font-medium">{title}</figcaption>
      <div ref={place} className="overflow-hidden" role="img" aria-label={texts.cluster.chart(title, last)} />
    </figure>
  );
}
