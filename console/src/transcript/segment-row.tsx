import { memo, useEffect, useRef, useState, type ReactNode } from 'react';
import { useSettings } from '../settings.tsx';
import { clock } from '../ui/format.ts';
import { Button } from '../ui/pieces.tsx';
import type { EditedSegment } from './edits.ts';
import type { Token } from './tokens.ts';

/** The model was unsure of a word below this. */
const UNSURE = 0.5;

interface SegmentRowProps {
  readonly index: number;
  readonly segment: EditedSegment;
  readonly speaker: string | null;
  /** The word that is being said, or null. */
  readonly playing: number | null;
  readonly isEditing: boolean;
  /** What is looked for, in lower case; empty for nothing. */
  readonly query: string;
  readonly onPlay: (seconds: number) => void;
  readonly onEdit: (index: number | null) => void;
  readonly onSave: (index: number, text: string) => void;
}

/** A segment: its words to be heard by a click, or a field to mend them in. */
export const SegmentRow = memo(function SegmentRow({
  index,
  segment,
  speaker,
  playing,
  isEditing,
  query,
  onPlay,
  onEdit,
  onSave,
}: SegmentRowProps) {
  const t = useSettings().texts.transcript;
  return (
    <div className={`flex gap-3 rounded-lg px-2 py-2 ${playing === null ? '' : 'bg-teal-50 dark:bg-teal-950'}`}>
      <button
        type="button"
        tabIndex={-1}
        className="muted h-8 w-14 shrink-0 text-left text-sm tabular-nums"
        aria-label={`${t.play} ${clock(segment.start)}`}
        onClick={() => {
          onPlay(segment.start);
        }}
      >
        {clock(segment.start)}
      </button>
      <div className="min-w-0 flex-1">
        {speaker === null ? null : (
          <p className="text-sm font-medium">
            <bdi>{speaker}</bdi>
          </p>
        )}
        {isEditing ? (
          <Editor
            text={segment.text}
            onSave={(text) => {
              onSave(index, text);
            }}
            onStop={() => {
              onEdit(null);
            }}
          />
        ) : (
          <p dir="auto" className="leading-relaxed wrap-anywhere">
            {segment.tokens.map((token, i) => (
              <Word
                key={i}
                token={token}
                isFirst={i === 0}
                isPlaying={i === playing}
                isFound={query !== '' && token.text.toLowerCase().includes(query)}
                unsure={t.unsure}
                onPlay={onPlay}
              />
            ))}
          </p>
        )}
      </div>
      {isEditing ? null : (
        <Button
          kind="quiet"
          tabIndex={-1}
          className="self-start"
          aria-label={`${t.edit} ${clock(segment.start)}`}
          onClick={() => {
            onEdit(index);
          }}
        >
          {t.edit}
        </Button>
      )}
    </div>
  );
});

function Word({
  token: { text, spaced, start, probability },
  isFirst,
  isPlaying,
  isFound,
  unsure,
  onPlay,
}: {
  readonly token: Token;
  readonly isFirst: boolean;
  readonly isPlaying: boolean;
  readonly isFound: boolean;
  readonly unsure: string;
  readonly onPlay: (seconds: number) => void;
}): ReactNode {
  const isUnsure = probability !== null && probability < UNSURE;
  const look = [
    'cursor-pointer rounded-sm',
    isUnsure ? 'underline decoration-amber-600 decoration-wavy decoration-1 underline-offset-4' : '',
    isPlaying
      ? 'bg-teal-700 text-white'
      : isFound
        ? 'bg-yellow-200 text-black'
        : 'hover:bg-stone-200 dark:hover:bg-stone-700',
  ].join(' ');
  return (
    <>
      {spaced && !isFirst ? ' ' : ''}
      <span
        className={look}
        data-word=""
        {...(isUnsure ? { title: unsure } : {})}
        onClick={() => {
          onPlay(start);
        }}
      >
        {text}
      </span>
    </>
  );
}

function Editor({
  text,
  onSave,
  onStop,
}: {
  readonly text: string;
  readonly onSave: (text: string) => void;
  readonly onStop: () => void;
}) {
  const t = useSettings().texts.transcript;
  const [draft, setDraft] = useState(text);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
  }, []);
  return (
    <div className="space-y-2">
      <textarea
        ref={field}
        className="field"
        dir="auto"
        rows={Math.min(8, Math.ceil(draft.length / 60) + 1)}
        aria-label={t.edit}
        value={draft}
        onChange={(event) => {
          setDraft(event.target.value);
        }}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === 'Escape') onStop();
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          onSave(draft);
        }}
      />
      <div className="flex gap-2">
        <Button
          kind="primary"
          onClick={() => {
            onSave(draft);
          }}
        >
          {t.save}
        </Button>
        <Button onClick={onStop}>{t.stop}</Button>
      </div>
    </div>
  );
}
