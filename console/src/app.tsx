import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useState, useSyncExternalStore, type ComponentType } from 'react';
import { MurmurationError } from '@murmuration/client';
import { removeExpired } from './audio-shelf.ts';
import { hrefOf, useRoute } from './route.ts';
import { useSettings } from './settings.tsx';
import { TranscribeView } from './transcribe/transcribe-view.tsx';
import { uploads } from './transcribe/upload-store.ts';
import { Button, Empty, Loading, Notice } from './ui/pieces.tsx';

type View = ComponentType<{ readonly id: string }>;

// Only the first page comes at once.
const VIEWS: Readonly<Record<string, ComponentType>> = {
  transcribe: TranscribeView,
  live: lazy(() => import('./live/live-view.tsx').then(({ LiveView }) => ({ default: LiveView }))),
  jobs: lazy(() => import('./jobs/jobs-view.tsx').then(({ JobsView }) => ({ default: JobsView }))),
  keys: lazy(() => import('./keys-view.tsx').then(({ KeysView }) => ({ default: KeysView }))),
  cluster: lazy(() => import('./cluster/cluster-view.tsx').then(({ ClusterView }) => ({ default: ClusterView }))),
};
const VIEWS_OF_ONE: Readonly<Record<string, View>> = {
  jobs: lazy(() => import('./jobs/job-view.tsx').then(({ JobView }) => ({ default: JobView }))),
  transcript: lazy(() =>
    import('./transcript/transcript-view.tsx').then(({ TranscriptView }) => ({ default: TranscriptView })),
  ),
  watch: lazy(() => import('./live/watch-view.tsx').then(({ WatchView }) => ({ default: WatchView }))),
};
const SettingsDialog = lazy(() =>
  import('./settings-dialog.tsx').then(({ SettingsDialog: Dialog }) => ({ default: Dialog })),
);
const NAVIGATION = ['transcribe', 'live', 'jobs', 'cluster', 'keys'] as const;

export function App() {
  const { texts, apiKey } = useSettings();
  const route = useRoute();
  const [isOpen, setOpen] = useState(false);
  // Once it was open it stays, so that it can give the focus back.
  const [isSettingsLoaded, setSettingsLoaded] = useState(false);
  if (isOpen && !isSettingsLoaded) setSettingsLoaded(true);
  const [isKeyNeeded, setKeyNeeded] = useState(false);
  const isOnline = useOnline();
  useEffect(() => {
    void removeExpired();
  }, []);
  const queries = useMemo(() => {
    const onError = (error: Error): void => {
      if (!(error instanceof MurmurationError) || error.status !== 401) return;
      setKeyNeeded(true);
      setOpen(true);
    };
    return new QueryClient({
      queryCache: new QueryCache({ onError }),
      mutationCache: new MutationCache({ onError }),
      // The client repeats by itself.
      defaultOptions: { queries: { retry: false, networkMode: 'always' }, mutations: { networkMode: 'always' } },
    });
  }, []);
  useEffect(() => {
    uploads.useKey(apiKey);
    setKeyNeeded(false);
    void queries.invalidateQueries();
  }, [apiKey, queries]);
  const name = (NAVIGATION as readonly string[]).includes(route.view)
    ? texts.nav[route.view as (typeof NAVIGATION)[number]]
    : route.view === 'transcript'
      ? texts.transcript.title
      : texts.live.watch;
  useEffect(() => {
    document.title = `${name} · ${texts.title}`;
  }, [name, texts]);
  const View = VIEWS[route.view];
  const ViewOfOne = VIEWS_OF_ONE[route.view];
  return (
    <QueryClientProvider client={queries}>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-white focus:p-3 focus:text-black"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        {texts.skip}
      </a>
      <header className="border-b border-stone-200 bg-white dark:border-stone-800 dark:bg-stone-900">
        <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-6 gap-y-1 px-4 py-2">
          <a href={hrefOf('transcribe')} className="text-lg font-semibold tracking-tight">
            {texts.title}
          </a>
          <nav aria-label={texts.title} className="order-last w-full overflow-x-auto sm:order-none sm:w-auto sm:flex-1">
            <ul className="flex gap-1">
              {NAVIGATION.map((view) => (
                <li key={view}>
                  <a
                    href={hrefOf(view)}
                    aria-current={route.view === view ? 'page' : undefined}
                    className="block rounded-lg px-3 py-2 text-sm font-medium whitespace-nowrap hover:bg-stone-100 aria-[current=page]:bg-teal-100 aria-[current=page]:text-teal-950 dark:hover:bg-stone-800 dark:aria-[current=page]:bg-teal-900 dark:aria-[current=page]:text-teal-50"
                  >
                    {texts.nav[view]}
                  </a>
                </li>
              ))}
              <li>
                <a
                  href="/docs"
                  className="block rounded-lg px-3 py-2 text-sm font-medium hover:bg-stone-100 dark:hover:bg-stone-800"
                >
                  {texts.nav.api}
                </a>
              </li>
            </ul>
          </nav>
          <Button
            kind="quiet"
            className="ml-auto"
            onClick={() => {
              setOpen(true);
            }}
          >
            {texts.settings.open}
          </Button>
        </div>
      </header>
      <main id="main" tabIndex={-1} className="mx-auto max-w-6xl px-4 py-6 outline-none">
        {isOnline ? null : (
          <div className="mb-4">
            <Notice kind="warning">{texts.states.offline}</Notice>
          </div>
        )}
        <Suspense fallback={<Loading />}>
          {route.id !== null && ViewOfOne !== undefined ? (
            <ViewOfOne key={route.id} id={route.id} />
          ) : View !== undefined ? (
            <View key={route.view} />
          ) : (
            <Empty>{texts.states.gone}</Empty>
          )}
        </Suspense>
      </main>
      {isSettingsLoaded ? (
        <Suspense fallback={null}>
          <SettingsDialog
            open={isOpen}
            needed={isKeyNeeded}
            onClose={() => {
              setOpen(false);
            }}
          />
        </Suspense>
      ) : null}
    </QueryClientProvider>
  );
}

function useOnline(): boolean {
  return useSyncExternalStore(
    (changed) => {
      addEventListener('online', changed);
      addEventListener('offline', changed);
      return () => {
        removeEventListener('online', changed);
        removeEventListener('offline', changed);
      };
    },
    () => navigator.onLine,
  );
}
