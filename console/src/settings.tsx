import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { Murmuration } from '@murmuration/client';
import { DE } from './texts/de.ts';
import { EN, type Texts } from './texts/en.ts';

/** The languages of the console; another one is a file in `texts` and a line here. */
export const LANGUAGES = { en: EN, de: DE } as const;
export type UiLanguage = keyof typeof LANGUAGES;

export type Theme = 'system' | 'light' | 'dark';

interface Settings {
  readonly texts: Texts;
  readonly language: UiLanguage;
  readonly setLanguage: (language: UiLanguage) => void;
  readonly theme: Theme;
  readonly setTheme: (theme: Theme) => void;
  readonly apiKey: string | null;
  /** `remember`: beyond the life of this tab. Null forgets it. */
  readonly setApiKey: (key: string | null, remember: boolean) => void;
  /** Repeats by itself what may be repeated. */
  readonly client: Murmuration;
}

const Context = createContext<Settings | null>(null);
const KEY = 'murmuration.key';
const LANGUAGE = 'murmuration.language';
const THEME = 'murmuration.theme';

/** The client for uploads: a server that is full is told to the user, with the time to wait, instead of being waited for in silence. */
export function uploadClient(apiKey: string | null): Murmuration {
  return new Murmuration({ baseUrl: location.origin, apiKey: apiKey ?? undefined, retries: 0 });
}

/** Gives language, appearance, key and client to everything below. */
export function SettingsProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(initialLanguage);
  const [theme, setTheme] = useState(initialTheme);
  const [apiKey, setKey] = useState(() => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY));
  const client = useMemo(
    () => new Murmuration({ baseUrl: location.origin, apiKey: apiKey ?? undefined, retries: 2 }),
    [apiKey],
  );
  useEffect(() => {
    document.documentElement.lang = language;
    localStorage.setItem(LANGUAGE, language);
  }, [language]);
  useEffect(() => {
    localStorage.setItem(THEME, theme);
    const system = matchMedia('(prefers-color-scheme: dark)');
    const show = (): void => {
      document.documentElement.dataset['theme'] =
        theme === 'dark' || (theme === 'system' && system.matches) ? 'dark' : 'light';
    };
    show();
    system.addEventListener('change', show);
    return () => {
      system.removeEventListener('change', show);
    };
  }, [theme]);
  const value = useMemo<Settings>(
    () => ({
      texts: LANGUAGES[language],
      language,
      setLanguage,
      theme,
      setTheme,
      apiKey,
      setApiKey: (key, remember) => {
        sessionStorage.removeItem(KEY);
        localStorage.removeItem(KEY);
        if (key !== null) (remember ? localStorage : sessionStorage).setItem(KEY, key);
        setKey(key);
      },
      client,
    }),
    [language, theme, apiKey, client],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSettings(): Settings {
  const settings = useContext(Context);
  if (settings === null) throw new Error('There are no settings above this component.');
  return settings;
}

function initialLanguage(): UiLanguage {
  const kept = localStorage.getItem(LANGUAGE);
  if (kept === 'en' || kept === 'de') return kept;
  return navigator.language.toLowerCase().startsWith('de') ? 'de' : 'en';
}

function initialTheme(): Theme {
  const kept = localStorage.getItem(THEME);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}
