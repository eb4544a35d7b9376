import { useEffect, useRef, useState } from 'react';
import { useSettings } from '../settings.tsx';
import { clock } from '../ui/format.ts';
import { Empty, Fault, Notice, ViewTitle } from '../ui/pieces.tsx';
import { type Utterance, withEvent } from './live-run.ts';

/** What was said, newest below; follows the end unless one has scrolled up. Finals are read out, partials are not. */
export function UtteranceList({ utterances }: { readonly utterances: readonly Utterance[] }) {
  const t = useSettings().texts.live;
  const list = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isAtEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [utterances]);
  return (
    <div
      ref={list}
      tabIndex={0}
      role="log"
      aria-label={t.text}
      aria-live="off"
      className="h-96 overflow-y-auto rounded-lg bg-stone-100 p-4 text-lg leading-relaxed dark:bg-stone-950"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40;
      }}
    >
      {utterances.length === 0 ? <Empty>{t.nothing}</Empty> : null}
      {utterances.map(({ number, startMs, text, stable, isFinal }) => (
        <p key={number} dir="auto" data-testid={isFinal ? 'final' : 'partial'} className="mb-2">
          <span className="muted mr-2 text-sm tabular-nums">{clock(startMs / 1_000)}</span>
          {text.slice(0, stable)}
          {isFinal ? null : <span className="muted">{text.slice(stable)}</span>}
        </p>
      ))}
      <p className="sr-only" aria-live="polite">
        {utterances.findLast(({ isFinal }) => isFinal)?.text ?? ''}
      </p>
    </div>
  );
}

/** A live session as others see it. */
export function WatchView({ id }: { readonly id: string }) {
  const { texts, client } = useSettings();
  const t = texts.live;
  const [utterances, setUtterances] = useState<readonly Utterance[]>([]);
  const [hasEnded, setEnded] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    const watch = async (): Promise<void> => {
      for await (const event of client.watch(id, { signal: leaving.signal }))
        setUtterances((before) => withEvent(before, event));
      setEnded(true);
    };
    setUtterances([]);
    setError(null);
    watch().catch((fault: unknown) => {
      if (!leaving.signal.aborted) setError(fault);
    });
    return () => {
      leaving.abort();
    };
  }, [client, id, attempt]);
  return (
    <>
      <ViewTitle>{t.watch}</ViewTitle>
      <div className="card space-y-4">
        {error === null ? (
          <Notice>{hasEnded ? t.ended : t.watching}</Notice>
        ) : (
          <Fault
            error={error}
            retry={() => {
              setAttempt((before) => before + 1);
            }}
          />
        )}
        <UtteranceList utterances={utterances} />
      </div>
    </>
  );
}
