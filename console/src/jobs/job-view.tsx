import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Job } from '@murmuration/client';
import { forgetAudio } from '../audio-shelf.ts';
import { hrefOf } from '../route.ts';
import { useSettings } from '../settings.tsx';
import { Badge, Button, Confirmed, Fault, Loading, Notice, Progress, ViewTitle } from '../ui/pieces.tsx';
import { clock, codeText, dateTime } from '../ui/format.ts';
import { nameOf } from './jobs-view.tsx';

const REFRESH_MS = 1_500;

function hasEnded({ status }: Job): boolean {
  return status === 'done' || status === 'failed' || status === 'cancelled';
}

/** All about one job: why it waits, what became of it, whom it told. */
export function JobView({ id }: { readonly id: string }) {
  const { texts, language, client } = useSettings();
  const t = texts.jobs;
  const queries = useQueryClient();
  const job = useQuery({
    queryKey: ['job', id],
    queryFn: ({ signal }) => client.jobs.get(id, { signal }),
    refetchInterval: ({ state }) => (state.data !== undefined && hasEnded(state.data) ? false : REFRESH_MS),
  });
  const remove = useMutation({
    mutationFn: () => client.jobs.cancel(id),
    onSuccess: async (left) => {
      await forgetAudio(id);
      queries.setQueryData(['job', id], left);
    },
  });
  if (job.isPending) return <Loading />;
  if (job.isError) return <Fault error={job.error} retry={() => void job.refetch()} />;
  const { data } = job;
  const { done_seconds: done, planned_seconds: planned } = data.progress;
  return (
    <>
      <p className="mb-2">
        <a className="link" href={hrefOf('jobs')}>
          {t.back}
        </a>
      </p>
      <ViewTitle>
        <bdi className="wrap-anywhere">{nameOf(data)}</bdi>
      </ViewTitle>
      <div className="space-y-6">
        <section className="card space-y-4" aria-label={t.job}>
          <dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-4">
            <Fact name={t.status}>
              <Badge tone={data.status}>{t.statuses[data.status]}</Badge>
            </Fact>
            <Fact name={t.created}>{dateTime(data.created_at, language)}</Fact>
            <Fact name={t.duration}>{data.duration === null ? '–' : clock(data.duration)}</Fact>
            <Fact name={t.expires}>{dateTime(data.expires_at, language)}</Fact>
            <Fact name={t.model}>{data.model}</Fact>
            <Fact name={t.priority}>{data.priority}</Fact>
            <Fact name={t.progress}>{`${clock(done)} / ${clock(planned)}`}</Fact>
            <Fact name="id">
              <code className="text-xs break-all">{data.id}</code>
            </Fact>
          </dl>
          {hasEnded(data) ? null : <Progress share={planned === 0 ? null : done / planned} label={t.progress} />}
          {data.error === null ? null : (
            <Notice kind="error">
              {codeText(texts, data.error.code, data.error.message)} <code>({data.error.code})</code>
            </Notice>
          )}
          {data.purged ? <Notice>{t.purged}</Notice> : null}
          {remove.isError ? <Fault error={remove.error} /> : null}
          <div className="flex flex-wrap gap-2">
            {data.status === 'done' && !data.purged ? (
              <a
                className="inline-flex min-h-10 items-center rounded-lg bg-teal-700 px-3.5 text-sm font-medium text-white hover:bg-teal-800"
                href={hrefOf('transcript', id)}
              >
                {texts.transcribe.open}
              </a>
            ) : null}
            {data.purged ? null : (
              <Confirmed
                onConfirm={() => {
                  remove.mutate();
                }}
              >
                {hasEnded(data) ? t.remove : t.cancel}
              </Confirmed>
            )}
          </div>
        </section>
        {hasEnded(data) ? null : <Waiting job={data} />}
        <Deliveries job={data} />
        {data.metadata === null ? null : (
          <section className="card">
            <h2 className="heading">{t.metadata}</h2>
            <pre className="overflow-x-auto text-sm" tabIndex={0}>
              {JSON.stringify(data.metadata, null, 2)}
            </pre>
          </section>
        )}
      </div>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="muted text-sm">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Waiting({ job }: { readonly job: Job }) {
  const t = useSettings().texts.jobs;
  const reasons =
    job.status === 'receiving'
      ? [t.whys.receiving]
      : [
          ...(job.position === null ? [] : [t.whys.position(job.position)]),
          ...(job.status === 'queued' ? [t.whys.lane(job.priority)] : []),
          job.estimated_seconds_left === null ? t.whys.unknown : t.whys.eta(clock(job.estimated_seconds_left)),
        ];
  return (
    <section className="card">
      <h2 className="heading">{t.why}</h2>
      <ul className="list-disc space-y-1 pl-5">
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </section>
  );
}

function Deliveries({ job }: { readonly job: Job }) {
  const { texts, language, client } = useSettings();
  const t = texts.jobs;
  const queries = useQueryClient();
  const isTold = job.webhook !== null;
  const deliveries = useQuery({
    queryKey: ['deliveries', job.id],
    queryFn: ({ signal }) => client.jobs.deliveries(job.id, { signal }),
    enabled: isTold,
    refetchInterval: 5_000,
  });
  const replay = useMutation({
    mutationFn: () => client.jobs.redeliver(job.id),
    onSuccess: (data) => {
      queries.setQueryData(['deliveries', job.id], data);
    },
  });
  return (
    <section className="card space-y-3">
      <h2 className="heading">{t.deliveries}</h2>
      {isTold ? null : <p className="muted">{t.noDeliveries}</p>}
      {deliveries.isError ? <Fault error={deliveries.error} retry={() => void deliveries.refetch()} /> : null}
      {replay.isError ? <Fault error={replay.error} /> : null}
      <ul className="space-y-3">
        {(deliveries.data ?? []).map((delivery) => (
          <li key={delivery.id} className="rounded-lg border border-stone-200 p-3 dark:border-stone-800">
            <p className="flex flex-wrap items-center gap-2 font-medium">
              {delivery.event}
              <Badge tone={delivery.state === 'delivered' ? 'done' : delivery.state}>{delivery.state}</Badge>
              {delivery.next_attempt_at === null ? null : (
                <span className="muted text-sm">
                  {t.next}: {dateTime(delivery.next_attempt_at, language)}
                </span>
              )}
            </p>
            <ol className="muted mt-1 text-sm">
              {delivery.attempts.map((attempt, index) => (
                <li key={attempt.at}>
                  {t.attempt} {index + 1}: {dateTime(attempt.at, language)}, {attempt.status ?? attempt.fault ?? '–'},{' '}
                  {Math.round(attempt.duration_ms)} ms
                </li>
              ))}
            </ol>
          </li>
        ))}
      </ul>
      {isTold && hasEnded(job) ? (
        <Button
          disabled={replay.isPending}
          onClick={() => {
            replay.mutate();
          }}
        >
          {t.replay}
        </Button>
      ) : null}
    </section>
  );
}
