import type { Browser, Page } from 'playwright-core';

/** What the page's own thread did meanwhile, milliseconds. */
export interface Pauses {
  /** The longest task by the clock: nothing moves on the page while it runs. */
  readonly longestMs: number;
  /** The longest by processor time, which other work on the machine hardly changes. */
  readonly longestProcessorMs: number;
  /** Processor time of all tasks. */
  readonly processorMs: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

const CATEGORIES = ['__metadata', 'toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'];

/** Does something with the page and tells how its thread was held up. */
export async function pausesDuring(browser: Browser, page: Page, work: () => Promise<void>): Promise<Pauses> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    readonly traceEvents: readonly TraceEvent[];
  };
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${String(pid)}.${String(tid)}`),
  );
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) => name === 'RunTask' && ph === 'X' && mains.has(`${String(pid)}.${String(tid)}`),
  );
  const of = (value: (event: TraceEvent) => number): number[] => tasks.map((event) => value(event) / 1_000);
  const processor = of(({ tdur = 0 }) => tdur);
  return {
    longestMs: Math.max(0, ...of(({ dur = 0 }) => dur)),
    longestProcessorMs: Math.max(0, ...processor),
    processorMs: processor.reduce((sum, one) => sum + one, 0),
  };
}
