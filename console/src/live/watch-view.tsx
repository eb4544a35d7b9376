import { useEffect, useState } from 'react';
import { useSettings } from '../settings.tsx';
import { Fault, Notice, ViewTitle } from '../ui/pieces.tsx';
import { withEvent, type Utterance } from './live-text.ts';
import { UtteranceList } from './utterance-list.tsx';

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
