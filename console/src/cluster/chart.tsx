import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useSettings } from '../settings.tsx';

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
