import type { JobOptions } from '@murmuration/client';
import { useQuery } from '@tanstack/react-query';
import { type SyntheticEvent, useRef, useState } from 'react';
import { useSettings } from '../settings.tsx';
import { CheckField, SelectField, TextField } from '../ui/fields.tsx';
import { Button, Notice } from '../ui/pieces.tsx';
import { uploads } from './upload-store.ts';

const DAY_MS = 24 * 3_600_000;
const KEEP_MS = { no: null, day: DAY_MS, week: 7 * DAY_MS } as const;

/** Where recordings are dropped or chosen, and what is asked of them. */
export function NewRecordings() {
  const { texts, language: uiLanguage, client } = useSettings();
  const t = texts.transcribe;
  const capabilities = useQuery({
    queryKey: ['capabilities'],
    queryFn: ({ signal }) => client.capabilities({ signal }),
  });
  const [isOver, setOver] = useState(false);
  const [url, setUrl] = useState('');
  const [isBadUrl, setBadUrl] = useState(false);
  const [language, setLanguage] = useState('');
  const [model, setModel] = useState('');
  const [task, setTask] = useState<'transcribe' | 'translate'>('transcribe');
  const [priority, setPriority] = useState<'interactive' | 'batch'>('interactive');
  const [hasWords, setWords] = useState(true);
  const [isSplit, setSplit] = useState(false);
  const [keep, setKeep] = useState<keyof typeof KEEP_MS>('no');
  const filesInput = useRef<HTMLInputElement>(null);
  const folderInput = useRef<HTMLInputElement>(null);

  const models = capabilities.data?.models ?? [];
  const chosen = models.find(({ id }) => id === (model === '' ? capabilities.data?.model?.id : model));
  const languages = chosen?.languages ?? [];
  const options = (): JobOptions => ({
    ...(language === '' || !languages.includes(language) ? {} : { language }),
    ...(model === '' ? {} : { model }),
    ...(task === 'translate' && chosen?.tasks.includes('translate') === true ? { task } : {}),
    ...(hasWords && chosen !== undefined && chosen.word_times !== 'none' ? { word_timestamps: true } : {}),
    ...(isSplit ? { channels: 'split' as const } : {}),
    priority,
  });
  const keepUntilMs = (): number | null => (KEEP_MS[keep] === null ? null : Date.now() + KEEP_MS[keep]);
  const addFiles = (files: readonly File[]): void => {
    uploads.add(
      files.filter(isRecording).map((file) => ({ file })),
      options(),
      keepUntilMs(),
    );
  };
  const addUrl = (event: SyntheticEvent): void => {
    event.preventDefault();
    const isGood = /^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '');
    setBadUrl(!isGood);
    if (!isGood) return;
    uploads.add([{ url }], options(), null);
    setUrl('');
  };
  const names = new Intl.DisplayNames([uiLanguage], { type: 'language' });

  return (
    <section className="card space-y-4" aria-label={t.drop}>
      <div
        className={`rounded-xl border-2 border-dashed p-6 text-center sm:p-10 ${isOver ? 'border-teal-600 bg-teal-50 dark:bg-teal-950' : 'border-stone-400 dark:border-stone-600'}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => {
          setOver(false);
        }}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void droppedFiles(event.dataTransfer).then(addFiles);
        }}
      >
        <p className="text-lg font-medium">{t.drop}</p>
        <p className="muted my-2">{t.or}</p>
        <div className="flex flex-wrap justify-center gap-2">
          <Button kind="primary" onClick={() => filesInput.current?.click()}>
            {t.files}
          </Button>
          <Button onClick={() => folderInput.current?.click()}>{t.folder}</Button>
        </div>
        <input
          ref={filesInput}
          type="file"
          multiple
          hidden
          data-testid="files"
          aria-label={t.files}
          onChange={(event) => {
            addFiles([...(event.target.files ?? [])]);
            event.target.value = '';
          }}
        />
        <input
          ref={folderInput}
          type="file"
          multiple
          hidden
          aria-label={t.folder}
          {...{ webkitdirectory: '' }}
          onChange={(event) => {
            addFiles([...(event.target.files ?? [])]);
            event.target.value = '';
          }}
        />
      </div>
      <form className="flex flex-wrap items-end gap-2" onSubmit={addUrl} noValidate>
        <div className="min-w-0 flex-1 basis-60">
          <TextField
            id="url"
            label={t.url}
            type="url"
            inputMode="url"
            placeholder="https://"
            value={url}
            aria-invalid={isBadUrl}
            onText={(text) => {
              setUrl(text);
              setBadUrl(false);
            }}
          />
        </div>
        <Button type="submit" disabled={url.trim() === ''}>
          {t.addUrl}
        </Button>
      </form>
      {isBadUrl ? <Notice kind="error">{t.badUrl}</Notice> : null}
      <details>
        <summary className="cursor-pointer py-1 font-medium">{t.options}</summary>
        <div className="mt-3 grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
          <SelectField
            id="spoken"
            label={t.spoken}
            value={language}
            onChange={setLanguage}
            choices={[['', t.auto], ...languages.map((code) => [code, names.of(code) ?? code] as const)]}
          />
          <SelectField
            id="model"
            label={t.model}
            value={model}
            onChange={setModel}
            choices={[['', t.standard], ...models.map(({ id }) => [id, id] as const)]}
          />
          <SelectField
            id="task"
            label={t.task}
            value={task}
            onChange={setTask}
            choices={[
              ['transcribe', t.tasks.transcribe],
              ...(chosen?.tasks.includes('translate') === true ? [['translate', t.tasks.translate] as const] : []),
            ]}
          />
          <SelectField
            id="priority"
            label={t.priority}
            value={priority}
            onChange={setPriority}
            choices={[
              ['interactive', t.priorities.interactive],
              ['batch', t.priorities.batch],
            ]}
          />
          <SelectField
            id="keep"
            label={t.keepAudio}
            value={keep}
            onChange={setKeep}
            choices={[
              ['no', t.keepFor.no],
              ['day', t.keepFor.day],
              ['week', t.keepFor.week],
            ]}
          />
          <div className="flex flex-col justify-end gap-2">
            <CheckField label={t.words} checked={hasWords} onChange={setWords} />
            <CheckField label={t.split} checked={isSplit} onChange={setSplit} />
          </div>
        </div>
      </details>
    </section>
  );
}

/** The files of a drop, those in dropped folders too. */
async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  // Both lists are emptied once the event is over: entries are taken first.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const plain = [...transfer.files];
  if (entries.every((entry) => entry === null || entry.isFile)) return plain;
  const found: File[] = [];
  for (const entry of entries) if (entry !== null) await collect(entry, found);
  return found;
}

/** Without what systems put into folders for themselves. */
function isRecording({ name }: File): boolean {
  return !name.startsWith('.') && !/^(?:Thumbs\.db|desktop\.ini)$/i.test(name);
}

async function collect(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (entry.isFile) {
    found.push(
      await new Promise<File>((resolve, reject) => {
        (entry as FileSystemFileEntry).file(resolve, reject);
      }),
    );
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return;
    for (const one of some) await collect(one, found);
  }
}
