import { closedLoop } from '../open-loop.js';
import { summarize, type Summary } from '../recorder.js';
import { rateOf, type Result } from '../report.js';
import type { Scenario } from './scenario.js';

/** Clients that ask again and again, more and more of them: the table that others publish. */
export const concurrencySweep: Scenario = {
  what: 'clips from 1 to 64 clients: requests a second, p50, p95, times real time, word errors',
  durationMs: 20_000,
  levels: [1, 2, 4, 8, 16, 32, 64],
  run: async (target, { levels, durationMs, say }): Promise<Result> => {
    const rows: { clients: number; summary: Summary; lagMs: number; isVoid: boolean }[] = [];
    for (const clients of levels) {
      const { samples, wallMs, lagMs, isVoid } = await closedLoop(clients, durationMs, async (pick, dueAtMs) => ({
        kind: 'http',
        outcome: await target.work('http', pick, dueAtMs),
      }));
      const summary = summarize(samples, wallMs);
      rows.push({ clients, summary, lagMs, isVoid });
      say(
        `${String(clients)} clients: ${((summary.done * 1_000) / wallMs).toFixed(1)} requests a second, p50 ${summary.latency.p50.toFixed(0)} ms, p95 ${summary.latency.p95.toFixed(0)} ms, ${(summary.audioMs / wallMs).toFixed(1)} times real time`,
      );
    }
    const points = (value: (summary: Summary) => number): (readonly [number, number])[] =>
      rows.map(({ clients, summary }) => [clients, value(summary)] as const);
    return {
      scenario: 'concurrency-sweep',
      figures: rows.flatMap(({ clients, summary }) => {
        const name = `${String(clients)} clients`;
        return [
          { name: `${name}: requests`, value: (summary.done * 1_000) / summary.wallMs, unit: 'a second' },
          { name: `${name}: p50`, value: summary.latency.p50, unit: 'ms' },
          { name: `${name}: p95`, value: summary.latency.p95, unit: 'ms' },
          { name: `${name}: speed`, value: summary.audioMs / summary.wallMs, unit: 'x real time' },
          { name: `${name}: word errors`, value: rateOf(summary.wordErrors, summary.words), unit: '%' },
        ];
      }),
      charts: [
        {
          title: 'Latency by clients',
          x: 'clients',
          y: 'ms',
          logX: true,
          series: [
            { name: 'p50', points: points(({ latency }) => latency.p50) },
            { name: 'p95', points: points(({ latency }) => latency.p95) },
          ],
        },
        {
          title: 'Speed by clients',
          x: 'clients',
          y: 'times real time',
          logX: true,
          series: [{ name: 'speed', points: points(({ audioMs, wallMs }) => audioMs / wallMs) }],
        },
      ],
      parts: rows.map(({ clients, summary }) => ({ name: `${String(clients)} clients`, summary })),
      lagMs: Math.max(...rows.map(({ lagMs }) => lagMs)),
      isVoid: rows.some(({ isVoid }) => isVoid),
    };
  },
};
