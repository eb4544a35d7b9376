import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ColumnDef } from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import type { Job, JobStatus } from '@murmuration/client';
import { hrefOf } from '../route.ts';
import { useSettings } from '../settings.tsx';
import { DataTable } from '../ui/data-table.tsx';
import { SelectField, TextField } from '../ui/fields.tsx';
import { clock, dateTime, plainName } from '../ui/format.ts';
import { Badge, Button, Empty, Fault, Loading, ViewTitle } from '../ui/pieces.tsx';

const STATUSES: readonly JobStatus[] = ['receiving', 'queued', 'running', 'done', 'failed', 'cancelled'];
const PAGE = 25;
const REFRESH_MS = 3_000;

/** What the submitter called the recording, where it said so. */
export function nameOf(job: Job): string {
  const name = job.metadata?.['name'];
  return typeof name === 'string' && name !== '' ? plainName(name) : job.id.slice(0, 8);
}

export function JobsView() {
  const { texts, language, client } = useSettings();
  const t = texts.jobs;
  const [status, setStatus] = useState<JobStatus | ''>('');
  const [since, setSince] = useState('');
  /** Cursors of the pages up to this one; the first has none. */
  const [cursors, setCursors] = useState<readonly (string | undefined)[]>([undefined]);
  const cursor = cursors.at(-1);
  const page = useQuery({
    queryKey: ['jobs', status, since, cursor],
    queryFn: ({ signal }) =>
      client.jobs.page(
        {
          limit: PAGE,
          signal,
          ...(status === '' ? {} : { status }),
          ...(since === '' ? {} : { created_after: new Date(since) }),
        },
        cursor,
      ),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
  const columns = useMemo<ColumnDef<Job>[]>(
    () => [
      {
        id: 'name',
        header: t.name,
        accessorFn: nameOf,
        cell: ({ row }) => (
          <a className="link block max-w-64 truncate" href={hrefOf('jobs', row.original.id)}>
            <bdi>{nameOf(row.original)}</bdi>
          </a>
        ),
      },
      {
        accessorKey: 'status',
        header: t.status,
        cell: ({ row }) => <Badge tone={row.original.status}>{t.statuses[row.original.status]}</Badge>,
      },
      {
        accessorKey: 'created_at',
        header: t.created,
        cell: ({ row }) => <span className="whitespace-nowrap">{dateTime(row.original.created_at, language)}</span>,
      },
      {
        accessorKey: 'duration',
        header: t.duration,
        cell: ({ row }) => (row.original.duration === null ? '–' : clock(row.original.duration)),
      },
      {
        id: 'progress',
        header: t.progress,
        enableSorting: false,
        cell: ({ row: { original } }) =>
          `${clock(original.progress.done_seconds)} / ${clock(original.progress.planned_seconds)}`,
      },
      { accessorKey: 'priority', header: t.priority },
      { accessorKey: 'model', header: t.model },
      {
        id: 'waits',
        header: t.waits,
        enableSorting: false,
        cell: ({ row: { original } }) =>
          original.status === 'queued' && original.position !== null ? texts.transcribe.ahead(original.position) : '',
      },
    ],
    [t, texts, language],
  );
  const restart = (): void => {
    setCursors([undefined]);
  };
  const next = page.data?.next_cursor ?? null;
  return (
    <>
      <ViewTitle>{t.title}</ViewTitle>
      <div className="card space-y-4">
        <div className="flex flex-wrap gap-4">
          <div className="basis-48">
            <SelectField
              id="status"
              label={t.status}
              value={status}
              onChange={(value) => {
                setStatus(value);
                restart();
              }}
              choices={[['', t.all], ...STATUSES.map((one) => [one, t.statuses[one]] as const)]}
            />
          </div>
          <div className="basis-56">
            <TextField
              id="since"
              label={t.since}
              type="datetime-local"
              value={since}
              onText={(text) => {
                setSince(text);
                restart();
              }}
            />
          </div>
        </div>
        {page.isError ? <Fault error={page.error} retry={() => void page.refetch()} /> : null}
        {page.isPending ? <Loading /> : null}
        {page.data === undefined ? null : page.data.data.length === 0 ? (
          <Empty>{t.none}</Empty>
        ) : (
          <DataTable caption={t.title} rows={page.data.data} columns={columns} rowId={({ id }) => id} />
        )}
        <nav aria-label={t.title} className="flex items-center justify-between gap-2">
          <Button
            disabled={cursors.length === 1}
            onClick={() => {
              setCursors((before) => before.slice(0, -1));
            }}
          >
            {t.newer}
          </Button>
          <span className="muted text-sm">{t.page(cursors.length)}</span>
          <Button
            disabled={next === null}
            onClick={() => {
              if (next !== null) setCursors((before) => [...before, next]);
            }}
          >
            {t.older}
          </Button>
        </nav>
      </div>
    </>
  );
}
