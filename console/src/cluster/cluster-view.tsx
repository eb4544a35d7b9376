import type { ColumnDef } from '@tanstack/react-table';
import { useEffect, useMemo, useSyncExternalStore, type ReactNode } from 'react';
import type { ClusterFigures } from '@murmuration/client';
import { useSettings } from '../settings.tsx';
import { DataTable } from '../ui/data-table.tsx';
import { bytes } from '../ui/format.ts';
import { Badge, Empty, Fault, Loading, Notice, ViewTitle } from '../ui/pieces.tsx';
import { Chart, clusterHistory } from './chart.tsx';

type Worker = ClusterFigures['workers'][number];
type Answer = ClusterFigures['answers'][number];

export function ClusterView() {
  const { texts, language, client } = useSettings();
  const t = texts.cluster;
  const { figures, error } = useSyncExternalStore(clusterHistory.subscribe, clusterHistory.history);
  useEffect(() => {
    clusterHistory.ask(client);
  }, [client]);
  const workerColumns = useMemo<ColumnDef<Worker>[]>(
    () => [
      {
        accessorKey: 'id',
        header: t.worker,
        cell: ({ row: { original } }) => (
          <>
            <code className="text-xs">{original.id}</code>{' '}
            {original.draining ? <Badge tone="full">{t.draining}</Badge> : null}
          </>
        ),
      },
      { accessorKey: 'model', header: t.model },
      { accessorFn: ({ gpu, device }) => gpu ?? device, id: 'device', header: t.device },
      { accessorKey: 'sessions', header: t.sessions },
      { accessorKey: 'max_batch', header: t.batch },
      {
        accessorFn: ({ recent_speed, speed }) => recent_speed ?? speed,
        id: 'speed',
        header: t.speed,
        cell: ({ getValue }) => t.times(Number(getValue()).toFixed(1)),
      },
      { accessorKey: 'memory_bytes', header: t.memory, cell: ({ getValue }) => bytes(Number(getValue()), language) },
    ],
    [t, language],
  );
  const answerColumns = useMemo<ColumnDef<Answer>[]>(
    () => [
      { accessorKey: 'route', header: t.route, cell: ({ getValue }) => <code>{String(getValue())}</code> },
      { accessorKey: 'count', header: t.answers },
      { accessorKey: 'p50_ms', header: 'p50', cell: ({ getValue }) => `${Number(getValue()).toFixed(1)} ms` },
      { accessorKey: 'p95_ms', header: 'p95', cell: ({ getValue }) => `${Number(getValue()).toFixed(1)} ms` },
    ],
    [t],
  );
  const now = figures.at(-1);
  const times = figures.map(({ at }) => Date.parse(at) / 1_000);
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
  const backlogNow = now === undefined ? 0 : sum(now.backlog.map(({ audio_seconds }) => audio_seconds));
  return (
    <>
      <ViewTitle>{t.title}</ViewTitle>
      <div className="space-y-6">
        {error === null ? null : (
          <Fault
            error={error}
            retry={() => {
              clusterHistory.ask(client);
            }}
          />
        )}
        {now === undefined ? (
          error === null ? (
            <Loading />
          ) : null
        ) : (
          <>
            <dl className="grid grid-cols-2 gap-4 sm:grid-cols-4">
              <Figure name={t.workers}>{now.workers.length}</Figure>
              <Figure name={t.backlog}>{`${backlogNow.toFixed(0)} s`}</Figure>
              <Figure name={t.live}>{now.live.sessions}</Figure>
              <Figure name={t.redis}>{now.redis.status === 'up' ? t.redisUp : t.redisDown}</Figure>
            </dl>
            {now.redis.concerns.map((concern) => (
              <Notice key={concern} kind="warning">
                {concern}
              </Notice>
            ))}
            <section className="card">
              <h2 className="heading">{t.workers}</h2>
              {now.workers.length === 0 ? (
                <Empty>{t.noWorkers}</Empty>
              ) : (
                <DataTable caption={t.workers} rows={now.workers} columns={workerColumns} rowId={({ id }) => id} />
              )}
            </section>
            <h2 className="heading">{t.overTime}</h2>
            <div className="grid gap-4 md:grid-cols-2">
              <Chart
                title={`${t.backlog} (${t.backlogUnit})`}
                times={times}
                lines={[
                  {
                    name: t.backlog,
                    color: '#0d9488',
                    values: figures.map(({ backlog }) => sum(backlog.map(({ audio_seconds }) => audio_seconds))),
                  },
                ]}
              />
              <Chart
                title={`${t.waiting}, ${t.active}`}
                times={times}
                lines={[
                  {
                    name: t.waiting,
                    color: '#d97706',
                    values: figures.map(({ backlog }) => sum(backlog.map(({ waiting }) => waiting))),
                  },
                  {
                    name: t.active,
                    color: '#0284c7',
                    values: figures.map(({ backlog }) => sum(backlog.map(({ active }) => active))),
                  },
                ]}
              />
              <Chart
                title={`${t.live}, ${t.lag} (s)`}
                times={times}
                lines={[
                  { name: t.live, color: '#7c3aed', values: figures.map(({ live }) => live.sessions) },
                  { name: t.lag, color: '#dc2626', values: figures.map(({ live }) => live.longest_lag_ms / 1_000) },
                ]}
              />
              <Chart
                title={`${t.speed} (×)`}
                times={times}
                lines={[
                  {
                    name: t.speed,
                    color: '#65a30d',
                    values: figures.map(({ workers }) => sum(workers.map(({ recent_speed }) => recent_speed ?? 0))),
                  },
                ]}
              />
            </div>
            {now.gpus.length === 0 ? null : (
              <section className="card">
                <h2 className="heading">{t.gpus}</h2>
                <ul className="space-y-2">
                  {now.gpus.map((gpu, index) => (
                    <li key={index}>
                      {gpu.name}: {gpu.memory_used_mib ?? '–'} / {gpu.memory_mib ?? '–'} MiB {t.used}
                      {gpu.utilization_percent === null ? '' : `, ${String(gpu.utilization_percent)} %`}
                      {gpu.temperature_c === null ? '' : `, ${String(gpu.temperature_c)} °C`}
                      {gpu.power_w === null ? '' : `, ${String(Math.round(gpu.power_w))} W`}
                    </li>
                  ))}
                </ul>
              </section>
            )}
            <section className="card">
              <h2 className="heading">{t.latency}</h2>
              <DataTable caption={t.latency} rows={now.answers} columns={answerColumns} rowId={({ route }) => route} />
            </section>
          </>
        )}
      </div>
    </>
  );
}

function Figure({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="card">
      <dt className="muted text-sm">{name}</dt>
      <dd className="text-2xl font-semibold tabular-nums">{children}</dd>
    </div>
  );
}
