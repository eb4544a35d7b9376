import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Segment } from '@murmuration/client';
import { hrefOf } from '../route.ts';
import { useSettings } from '../settings.tsx';
import { clock, codeText, plainName } from '../ui/format.ts';
import { Badge, Button, Empty, Progress, ViewTitle } from '../ui/pieces.tsx';
import { NewRecordings } from './new-recordings.tsx';
import { isOver, uploads, type UploadItem } from './upload-store.ts';

export function TranscribeView() {
  const t = useSettings().texts.transcribe;
  const items = useSyncExternalStore(uploads.subscribe, uploads.items);
  const [shown, setShown] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => list.current,
    estimateSize: () => 92,
    getItemKey: (index) => items[index]?.id ?? index,
    overscan: 6,
  });
  const done = items.filter(({ state }) => isOver(state)).length;
  return (
    <>
      <ViewTitle>{t.title}</ViewTitle>
      <div className="space-y-6">
        <NewRecordings />
        <section className="card" aria-labelledby="recordings">
          <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-2">
            <h2 id="recordings" className="text-lg font-semibold">
              {t.list}
            </h2>
            <p role="status" className="muted text-sm" data-testid="count">
              {items.length === 0 ? '' : t.count(done, items.length)}
            </p>
            {items.length === 0 ? null : (
              <div className="ml-auto flex gap-2">
                {done === items.length ? null : (
                  <Button
                    kind="quiet"
                    onClick={() => {
                      uploads.cancelAll();
                    }}
                  >
                    {t.cancelAll}
                  </Button>
                )}
                {done === 0 ? null : (
                  <Button
                    kind="quiet"
                    onClick={() => {
                      uploads.removeFinished();
                    }}
                  >
                    {t.clear}
                  </Button>
                )}
              </div>
            )}
          </div>
          {items.length === 0 ? (
            <Empty>{t.none}</Empty>
          ) : (
            <div ref={list} className="max-h-[36rem] overflow-y-auto">
              <ul className="relative" style={{ height: rows.getTotalSize() }}>
                {rows.getVirtualItems().map((row) => {
                  const item = items[row.index];
                  return item === undefined ? null : (
                    <li
                      key={row.key}
                      ref={rows.measureElement}
                      data-index={row.index}
                      className="absolute inset-x-0 top-0 border-b border-stone-200 dark:border-stone-800"
                      style={{ transform: `translateY(${String(row.start)}px)` }}
                    >
                      <Recording
                        item={item}
                        isShown={shown === item.id}
                        onShow={(isShown) => {
                          setShown(isShown ? item.id : null);
                        }}
                      />
                    </li>
                  );
                })}
              </ul>
            </div>
          )}
        </section>
      </div>
    </>
  );
}

function Recording({
  item,
  isShown,
  onShow,
}: {
  readonly item: UploadItem;
  readonly isShown: boolean;
  readonly onShow: (isShown: boolean) => void;
}) {
  const { texts } = useSettings();
  const t = texts.transcribe;
  const { id, state, job, error, retryAtMs } = item;
  const name = plainName(item.name);
  const now = useNow(retryAtMs !== null);
  const share =
    state === 'done'
      ? 1
      : job === null || job.progress.planned_seconds === 0
        ? null
        : job.progress.done_seconds / job.progress.planned_seconds;
  const notes = [
    ...(retryAtMs === null ? [] : [t.again(Math.max(0, Math.ceil((retryAtMs - now) / 1_000)))]),
    ...(state === 'queued' && job !== null && job.position !== null && job.position > 0 ? [t.ahead(job.position)] : []),
    ...(!isOver(state) && job !== null && job.estimated_seconds_left !== null
      ? [t.left(clock(job.estimated_seconds_left))]
      : []),
    ...(job === null || job.duration === null ? [] : [clock(job.duration)]),
  ];
  return (
    <div className="py-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <p className="min-w-0 flex-1 basis-48 truncate font-medium" title={name}>
          <bdi>{name}</bdi>
        </p>
        <Badge tone={state}>{t.states[state]}</Badge>
        <p className="muted text-sm tabular-nums">{notes.join(' · ')}</p>
        <div className="flex gap-1">
          {state === 'done' ? (
            <a
              className="link inline-flex min-h-10 items-center px-2 text-sm font-medium"
              href={hrefOf('transcript', id)}
            >
              {t.open}
            </a>
          ) : null}
          {state === 'running' || state === 'queued' || state === 'sending' ? (
            <Button
              kind="quiet"
              aria-expanded={isShown}
              onClick={() => {
                onShow(!isShown);
              }}
            >
              {isShown ? t.hide : t.show}
            </Button>
          ) : null}
          {state === 'failed' || state === 'cancelled' ? (
            <Button
              onClick={() => {
                uploads.retry(id);
              }}
            >
              {t.retry}
            </Button>
          ) : null}
          <Button
            kind="quiet"
            aria-label={`${isOver(state) ? t.remove : t.cancel}: ${name}`}
            onClick={() => {
              if (isOver(state)) uploads.remove(id);
              else uploads.cancel(id);
            }}
          >
            {isOver(state) ? t.remove : t.cancel}
          </Button>
        </div>
      </div>
      {isOver(state) ? null : (
        <div className="mt-2">
          <Progress share={state === 'waiting' || state === 'full' ? 0 : share} label={name} />
        </div>
      )}
      {error === null ? null : (
        <p className="mt-1 text-sm wrap-anywhere text-red-800 dark:text-red-300">
          {codeText(texts, error.code, error.message)}
        </p>
      )}
      {isShown && !isOver(state) ? <ComingText id={id} /> : null}
    </div>
  );
}

/** Text of a job as it comes. */
function ComingText({ id }: { readonly id: string }) {
  const { texts, client } = useSettings();
  const [segments, setSegments] = useState<readonly Segment[]>([]);
  useEffect(() => {
    const leaving = new AbortController();
    const follow = async (): Promise<void> => {
      for await (const event of client.jobs.events(id, { signal: leaving.signal, appearsWithinMs: 60_000 }))
        if (event.type === 'segment') setSegments((before) => [...before, event.segment]);
    };
    setSegments([]);
    // What became of the job is told by the list.
    follow().catch(() => undefined);
    return () => {
      leaving.abort();
    };
  }, [client, id]);
  return (
    <div
      className="mt-2 max-h-48 overflow-y-auto rounded-lg bg-stone-100 p-3 text-sm dark:bg-stone-950"
      tabIndex={0}
      role="log"
      aria-label={texts.transcribe.coming}
    >
      {segments.length === 0 ? (
        <p className="muted">{texts.transcribe.noText}</p>
      ) : (
        segments.map(({ id: index, start, text }) => (
          <p key={index} dir="auto">
            <span className="muted mr-2 tabular-nums">{clock(start)}</span>
            {text}
          </p>
        ))
      )}
    </div>
  );
}

/** The time, once a second while it is needed. */
function useNow(isNeeded: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isNeeded) return;
    setNow(Date.now());
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, [isNeeded]);
  return now;
}
