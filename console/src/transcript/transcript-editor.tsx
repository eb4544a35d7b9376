import { useVirtualizer } from '@tanstack/react-virtual';
import {
  useCallback,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
  type KeyboardEvent,
  type RefObject,
} from 'react';
import type { Transcript } from '@murmuration/client';
import { useSettings } from '../settings.tsx';
import { clock, download } from '../ui/format.ts';
import { Badge, Empty, ViewTitle } from '../ui/pieces.tsx';
import type { EditedSegment, TranscriptEdits } from './edits.ts';
import { Player } from './player.tsx';
import { SegmentRow } from './segment-row.tsx';
import { TranscriptTools } from './transcript-tools.tsx';

interface Place {
  readonly segment: number;
  readonly word: number;
}

/** Sound, words in step with it, and tools to mend them. */
export function TranscriptEditor({
  id,
  name,
  transcript,
  edits,
  file,
  audio,
  onFile,
}: {
  readonly id: string;
  readonly name: string | null;
  readonly transcript: Transcript;
  readonly edits: TranscriptEdits;
  readonly file: Blob | null;
  readonly audio: RefObject<HTMLAudioElement | null>;
  readonly onFile: (file: Blob) => void;
}) {
  const { texts } = useSettings();
  const t = texts.transcript;
  const edited = useSyncExternalStore(edits.subscribe, edits.view);
  const { segments, names } = edited;
  const [editing, setEditing] = useState<number | null>(null);
  const [focused, setFocused] = useState(0);
  const [query, setQuery] = useState('');
  const playing = usePlace(audio, segments, file);
  const list = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: segments.length,
    getScrollElement: () => list.current,
    estimateSize: () => 64,
    overscan: 8,
  });
  const channels = [...new Set(segments.map(({ channel }) => channel))].sort((a, b) => a - b);
  const speaker = useCallback(
    (channel: number): string | null =>
      channels.length < 2 ? null : (names[channel] ?? `${t.speaker} ${String(channel + 1)}`),
    [channels.length, names, t.speaker],
  );

  const play = useCallback(
    (seconds: number) => {
      const element = audio.current;
      if (element === null || file === null) return;
      element.currentTime = seconds;
      void element.play();
    },
    [audio, file],
  );
  const goTo = useCallback(
    (index: number) => {
      const to = Math.min(Math.max(0, index), segments.length - 1);
      setFocused(to);
      rows.scrollToIndex(to);
      requestAnimationFrame(() => {
        list.current?.querySelector<HTMLElement>(`[data-index="${String(to)}"]`)?.focus({ preventScroll: true });
      });
    },
    [rows, segments.length],
  );
  const edit = useCallback(
    (index: number | null) => {
      setEditing((before) => {
        if (index === null && before !== null) goTo(before);
        return index;
      });
    },
    [goTo],
  );
  const save = useCallback(
    (index: number, text: string) => {
      edits.setText(index, text);
      setEditing(null);
      goTo(index);
    },
    [edits, goTo],
  );
  // The place that is being said stays in sight.
  const playingSegment = playing?.segment ?? null;
  useEffect(() => {
    if (playingSegment !== null && audio.current?.paused === false)
      rows.scrollToIndex(playingSegment, { align: 'auto' });
  }, [playingSegment, rows, audio]);
  useEffect(() => {
    const undo = (event: globalThis.KeyboardEvent): void => {
      const isField = event.target instanceof HTMLElement && event.target.matches('input, textarea');
      if (isField || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return;
      event.preventDefault();
      if (event.shiftKey) edits.redo();
      else edits.undo();
    };
    addEventListener('keydown', undo);
    return () => {
      removeEventListener('keydown', undo);
    };
  }, [edits]);

  const onKey = (event: KeyboardEvent): void => {
    if (editing !== null) return;
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: focused + 1,
      ArrowUp: focused - 1,
      Home: 0,
      End: segments.length - 1,
      PageDown: focused + 8,
      PageUp: focused - 8,
    };
    const to = moves[event.key];
    if (to !== undefined) goTo(to);
    else if (event.key === 'Enter') setEditing(focused);
    else if (event.key === ' ') play(segments[focused]?.start ?? 0);
    else return;
    event.preventDefault();
  };

  return (
    <div className="space-y-4">
      <ViewTitle>
        <bdi className="wrap-anywhere">{name ?? t.title}</bdi>
      </ViewTitle>
      <Player id={id} file={file} duration={transcript.duration} segments={segments} audio={audio} onFile={onFile} />
      <TranscriptTools
        edits={edits}
        query={query}
        onQuery={setQuery}
        onGo={goTo}
        onExport={(format) => {
          void import('./export.ts').then(({ exported }) => {
            const stem = (name ?? id).replace(/\.[^.]*$/, '').replace(/[\\/:*?"<>|\p{Cc}]/gu, '_');
            download(`${stem}.${format}`, exported(format, transcript, edits.view(), speaker));
          });
        }}
      />
      {channels.length < 2 ? null : (
        <fieldset className="card flex flex-wrap gap-3">
          <legend className="sr-only">{t.speaker}</legend>
          {channels.map((channel) => (
            <input
              key={channel}
              className="field w-auto"
              aria-label={t.rename(`${t.speaker} ${String(channel + 1)}`)}
              value={speaker(channel) ?? ''}
              onChange={(event) => {
                edits.rename(channel, event.target.value);
              }}
            />
          ))}
        </fieldset>
      )}
      <section className="card" aria-label={t.segments}>
        <p className="muted mb-2 text-sm" id="transcript-help">
          {t.help} {t.keptHere} {edited.isEdited ? <Badge tone="running">{t.edited}</Badge> : null}
        </p>
        {segments.length === 0 ? <Empty>{t.empty}</Empty> : null}
        <div ref={list} className="max-h-[70dvh] overflow-y-auto" onKeyDown={onKey}>
          <ul className="relative" aria-describedby="transcript-help" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map(({ index, start }) => {
              const segment = segments[index];
              return segment === undefined ? null : (
                <li
                  key={segment.id}
                  ref={rows.measureElement}
                  data-index={index}
                  data-testid="segment"
                  tabIndex={index === focused ? 0 : -1}
                  className="absolute inset-x-0 top-0 -outline-offset-2"
                  style={{ transform: `translateY(${String(start)}px)` }}
                  onFocus={() => {
                    setFocused(index);
                  }}
                >
                  <SegmentRow
                    index={index}
                    segment={segment}
                    speaker={speaker(segment.channel)}
                    playing={playing?.segment === index ? playing.word : null}
                    isEditing={editing === index}
                    query={query.trim().toLowerCase()}
                    onPlay={play}
                    onEdit={edit}
                    onSave={save}
                  />
                </li>
              );
            })}
          </ul>
        </div>
      </section>
      {transcript.filtered.length === 0 ? null : (
        <details className="card">
          <summary className="cursor-pointer font-medium">
            {t.filtered} ({transcript.filtered.length})
          </summary>
          <ul className="mt-2 space-y-1 text-sm">
            {transcript.filtered.map(({ start, end, text, reason }, index) => (
              <li key={index}>
                <span className="muted tabular-nums">
                  {clock(start)} – {clock(end)}
                </span>{' '}
                <bdi>{text === '' ? '–' : text}</bdi> <Badge tone="full">{t.reasons[reason] ?? reason}</Badge>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

/** The word that is being said while the sound plays; changes with the word only. */
function usePlace(
  audio: RefObject<HTMLAudioElement | null>,
  segments: readonly EditedSegment[],
  file: Blob | null,
): Place | null {
  const [place, setPlace] = useState<Place | null>(null);
  useEffect(() => {
    const element = audio.current;
    if (element === null || file === null) return;
    let frame = 0;
    const look = (): void => {
      const now = placeAt(segments, element.currentTime);
      setPlace((before) => (before?.segment === now?.segment && before?.word === now?.word ? before : now));
      if (!element.paused) frame = requestAnimationFrame(look);
    };
    element.addEventListener('play', look);
    element.addEventListener('seeked', look);
    if (!element.paused) look();
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener('play', look);
      element.removeEventListener('seeked', look);
    };
  }, [audio, segments, file]);
  return place;
}

/** Segments are in order of their starts. */
function placeAt(segments: readonly EditedSegment[], time: number): Place | null {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segments[middle]?.start ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  const segment = segments[low - 1];
  if (segment === undefined || time > segment.end + 0.5) return null;
  return {
    segment: low - 1,
    word: Math.max(
      0,
      segment.tokens.findLastIndex(({ start }) => start <= time),
    ),
  };
}
