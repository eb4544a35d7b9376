import { useMemo, useState, useSyncExternalStore } from 'react';
import { useSettings } from '../settings.tsx';
import { TextField } from '../ui/fields.tsx';
import { Button } from '../ui/pieces.tsx';
import type { TranscriptEdits } from './edits.ts';
import type { ExportFormat } from './export.ts';

const FORMATS: readonly ExportFormat[] = ['txt', 'srt', 'vtt', 'tsv', 'json', 'docx'];

/** Undo, find and replace, export. */
export function TranscriptTools({
  edits,
  query,
  onQuery,
  onGo,
  onExport,
}: {
  readonly edits: TranscriptEdits;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  /** Goes to a segment. */
  readonly onGo: (index: number) => void;
  readonly onExport: (format: ExportFormat) => void;
}) {
  const t = useSettings().texts.transcript;
  const { segments, canUndo, canRedo, isEdited } = useSyncExternalStore(edits.subscribe, edits.view);
  const [replacement, setReplacement] = useState('');
  const [at, setAt] = useState(-1);
  const found = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    return wanted === ''
      ? []
      : segments.flatMap(({ text }, index) => (text.toLowerCase().includes(wanted) ? [index] : []));
  }, [segments, query]);
  const next = (): void => {
    const to = found.find((index) => index > at) ?? found[0];
    if (to === undefined) return;
    setAt(to);
    onGo(to);
  };
  return (
    <section className="card flex flex-wrap items-end gap-3" aria-label={t.edit}>
      <div className="basis-44">
        <TextField
          id="find"
          label={t.search}
          type="search"
          value={query}
          onText={(text) => {
            onQuery(text);
            setAt(-1);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') next();
          }}
        />
      </div>
      <div className="basis-44">
        <TextField id="replace" label={t.replace} value={replacement} onText={setReplacement} />
      </div>
      <Button disabled={found.length === 0} onClick={next}>
        {t.next}
      </Button>
      <Button
        disabled={found.length === 0}
        onClick={() => {
          edits.replaceAll(query.trim(), replacement);
        }}
      >
        {t.replaceAll}
      </Button>
      <p role="status" className="muted self-center text-sm">
        {query.trim() === '' ? '' : t.found(found.length)}
      </p>
      <div className="flex flex-wrap gap-2">
        <Button
          disabled={!canUndo}
          onClick={() => {
            edits.undo();
          }}
        >
          {t.undo}
        </Button>
        <Button
          disabled={!canRedo}
          onClick={() => {
            edits.redo();
          }}
        >
          {t.redo}
        </Button>
        {isEdited ? (
          <Button
            onClick={() => {
              edits.discard();
            }}
          >
            {t.discard}
          </Button>
        ) : null}
      </div>
      <div role="group" aria-label={t.export} className="flex flex-wrap items-center gap-2">
        <span className="text-sm font-medium">{t.export}:</span>
        {FORMATS.map((format) => (
          <Button
            key={format}
            onClick={() => {
              onExport(format);
            }}
          >
            {format}
          </Button>
        ))}
      </div>
    </section>
  );
}
