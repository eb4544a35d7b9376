import { DE } from './texts/de.ts';
import { EN } from './texts/en.ts';

export type { Texts } from './texts/en.ts';

/** The languages of the console; another one is a file in `texts` and a line here. */
export const LANGUAGES = { en: EN, de: DE } as const;
export type UiLanguage = keyof typeof LANGUAGES;
