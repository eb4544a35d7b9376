import { useSyncExternalStore } from 'react';

/** The view that the address asks for, and the id behind it: `#/jobs/ID`. */
export interface Route {
  readonly view: string;
  readonly id: string | null;
}

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed);
  return () => {
    removeEventListener('hashchange', changed);
  };
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const [view = '', id = ''] = hash.replace(/^#?\/?/, '').split('/');
  return { view: view === '' ? 'transcribe' : view, id: id === '' ? null : decoded(id) };
}

/** An address within the console. */
export function hrefOf(view: string, id?: string): string {
  return id === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
