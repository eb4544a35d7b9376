const DATABASE = 'murmuration-audio';
const FILES = 'files';

interface Kept {
  readonly jobId: string;
  readonly file: Blob;
  readonly untilMs: number;
}

/** Recordings of this tab, by job. */
const ofThisTab = new Map<string, Blob>();

/** Keeps the sound of a job for playback: in this tab, and until `untilMs` (Unix milliseconds) in this browser where that is asked for. */
export async function keepAudio(jobId: string, file: Blob, untilMs: number | null): Promise<void> {
  ofThisTab.set(jobId, file);
  if (untilMs === null) return;
  await transaction('readwrite', (store) => store.put({ jobId, file, untilMs } satisfies Kept)).catch(() => undefined);
}

/** The sound of a job, or null. What is over its time is removed. */
export async function audioOf(jobId: string): Promise<Blob | null> {
  const here = ofThisTab.get(jobId);
  if (here !== undefined) return here;
  await removeExpired();
  const kept = await transaction<Kept | undefined>(
    'readonly',
    (store) => store.get(jobId) as IDBRequest<Kept | undefined>,
  ).catch(() => undefined);
  return kept?.file ?? null;
}

export async function forgetAudio(jobId: string): Promise<void> {
  ofThisTab.delete(jobId);
  await transaction('readwrite', (store) => store.delete(jobId)).catch(() => undefined);
}

/** Removes what was to be kept no longer than until now. */
export async function removeExpired(): Promise<void> {
  await transaction('readwrite', (store) => {
    const cursor = store.openCursor();
    cursor.addEventListener('success', () => {
      const at = cursor.result;
      if (at === null) return;
      if ((at.value as Kept).untilMs <= Date.now()) at.delete();
      at.continue();
    });
    return cursor;
  }).catch(() => undefined);
}

async function transaction<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.addEventListener('upgradeneeded', () => {
    opening.result.createObjectStore(FILES, { keyPath: 'jobId' });
  });
  const database = await resultOf(opening);
  try {
    const change = database.transaction(FILES, mode);
    const request = work(change.objectStore(FILES));
    await new Promise<void>((resolve, reject) => {
      change.addEventListener('complete', () => {
        resolve();
      });
      change.addEventListener('abort', () => {
        reject(change.error ?? new Error('The change of the store was given up.'));
      });
    });
    return request.result;
  } finally {
    database.close();
  }
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => {
      resolve(request.result);
    });
    request.addEventListener('error', () => {
      reject(request.error ?? new Error('The store of this browser cannot be opened.'));
    });
  });
}
