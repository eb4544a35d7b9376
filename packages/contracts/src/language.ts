import { AsrError } from './errors.js';

/** In place of a language's code: the recording changes its language, which is found anew for each stretch of speech. */
export const MULTI = 'multi';

/** Words of clients for "find the language" and … */
const ANY: ReadonlySet<string> = new Set(['', 'auto', 'detect', 'und', 'null', 'none']);
/** … for "find it again and again". */
const SEVERAL: ReadonlySet<string> = new Set([MULTI, 'multilingual', 'mul']);

/** Languages of Whisper by code, with the names that it and OpenAI's API have for them (openai/whisper, `tokenizer.py`, `LANGUAGES`). */
const NAMES: Readonly<Record<string, string>> = {
  af: 'afrikaans',
  am: 'amharic',
  ar: 'arabic',
  as: 'assamese',
  az: 'azerbaijani',
  ba: 'bashkir',
  be: 'belarusian',
  bg: 'bulgarian',
  bn: 'bengali',
  bo: 'tibetan',
  br: 'breton',
  bs: 'bosnian',
  ca: 'catalan',
  cs: 'czech',
  cy: 'welsh',
  da: 'danish',
  de: 'german',
  el: 'greek',
  en: 'english',
  es: 'spanish',
  et: 'estonian',
  eu: 'basque',
  fa: 'persian',
  fi: 'finnish',
  fo: 'faroese',
  fr: 'french',
  gl: 'galician',
  gu: 'gujarati',
  ha: 'hausa',
  haw: 'hawaiian',
  he: 'hebrew',
  hi: 'hindi',
  hr: 'croatian',
  ht: 'haitian creole',
  hu: 'hungarian',
  hy: 'armenian',
  id: 'indonesian',
  is: 'icelandic',
  it: 'italian',
  ja: 'japanese',
  jv: 'javanese',
  ka: 'georgian',
  kk: 'kazakh',
  km: 'khmer',
  kn: 'kannada',
  ko: 'korean',
  la: 'latin',
  lb: 'luxembourgish',
  ln: 'lingala',
  lo: 'lao',
  lt: 'lithuanian',
  lv: 'latvian',
  mg: 'malagasy',
  mi: 'maori',
  mk: 'macedonian',
  ml: 'malayalam',
  mn: 'mongolian',
  mr: 'marathi',
  ms: 'malay',
  mt: 'maltese',
  my: 'myanmar',
  ne: 'nepali',
  nl: 'dutch',
  nn: 'nynorsk',
  no: 'norwegian',
  oc: 'occitan',
  pa: 'punjabi',
  pl: 'polish',
  ps: 'pashto',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sa: 'sanskrit',
  sd: 'sindhi',
  si: 'sinhala',
  sk: 'slovak',
  sl: 'slovenian',
  sn: 'shona',
  so: 'somali',
  sq: 'albanian',
  sr: 'serbian',
  su: 'sundanese',
  sv: 'swedish',
  sw: 'swahili',
  ta: 'tamil',
  te: 'telugu',
  tg: 'tajik',
  th: 'thai',
  tk: 'turkmen',
  tl: 'tagalog',
  tr: 'turkish',
  tt: 'tatar',
  uk: 'ukrainian',
  ur: 'urdu',
  uz: 'uzbek',
  vi: 'vietnamese',
  yi: 'yiddish',
  yo: 'yoruba',
  yue: 'cantonese',
  zh: 'chinese',
};

/** Further names (openai/whisper, `TO_LANGUAGE_CODE`, and a few that clients write). */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  bangla: 'bn',
  'brazilian portuguese': 'pt',
  burmese: 'my',
  castilian: 'es',
  farsi: 'fa',
  filipino: 'tl',
  flemish: 'nl',
  haitian: 'ht',
  letzeburgesch: 'lb',
  mandarin: 'zh',
  'mandarin chinese': 'zh',
  moldavian: 'ro',
  moldovan: 'ro',
  'norwegian bokmål': 'no',
  'norwegian bokmal': 'no',
  'norwegian nynorsk': 'nn',
  panjabi: 'pa',
  pushto: 'ps',
  'simplified chinese': 'zh',
  sinhalese: 'si',
  'traditional chinese': 'zh',
  valencian: 'ca',
};

const CODES: ReadonlyMap<string, string> = new Map([
  ...Object.entries(NAMES).map(([code, name]) => [name, code] as const),
  ...Object.entries(OTHER_NAMES),
]);

/** Codes that Whisper has another one for than Unicode's canonical form. */
const WHISPER_CODES: Readonly<Record<string, string>> = { fil: 'tl', nb: 'no' };
/** What a model that lacks a language has for it. */
const NEAREST: Readonly<Record<string, string>> = { yue: 'zh', nn: 'no', no: 'nn' };
/** Chinese as it is spoken in Hong Kong and Macau, and as older tags name it. */
const CANTONESE = /^zh[-_](?:.*[-_])?(?:hk|mo|yue)\b/;
const TAG = /^([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*$/;

/**
 * The code of a language as a client spells it: a code or tag (`en`, `en-US`, `zh_TW`, `deu`, `iw`, `nb`, `fil`) or an English name (`German`), in any case.
 * Null for nothing and for words that ask to find it (`auto`); `MULTI` for `multi`. Throws `unsupported_language` for what is no language; whether the model
 * knows it is asked elsewhere.
 */
export function languageOf(text: string | null | undefined): string | null {
  const plain = (text ?? '').trim().toLowerCase();
  if (ANY.has(plain)) return null;
  if (SEVERAL.has(plain)) return MULTI;
  const named = CODES.get(plain.replace(/[\s_-]+/g, ' '));
  if (named !== undefined) return named;
  if (CANTONESE.test(plain)) return 'yue';
  const primary = TAG.exec(plain)?.[1];
  if (primary === undefined) {
    throw new AsrError(
      'unsupported_language',
      'language: no language that is known. Use a code that GET /capabilities lists, for example en, or an English name.',
      { param: 'language' },
    );
  }
  const code = new Intl.Locale(Intl.getCanonicalLocales(primary)[0] ?? primary).language;
  return WHISPER_CODES[code] ?? code;
}

/** A language in the words of a model: its nearest one where it lacks the very one. Null where the model finds it, or has only one. Throws `unsupported_language`. */
export function languageFor(
  language: string | null,
  model: { readonly id: string; readonly languages: readonly string[]; readonly detectsLanguage: boolean },
): string | null {
  if (language === null) return null;
  if (language === MULTI) return model.detectsLanguage ? MULTI : null;
  const nearest = NEAREST[language];
  if (model.languages.includes(language)) return language;
  if (nearest !== undefined && model.languages.includes(nearest)) return nearest;
  const some = model.languages.slice(0, 12).join(', ');
  throw new AsrError(
    'unsupported_language',
    `The model ${model.id} does not know this language. It knows: ${some}${model.languages.length > 12 ? ' … (GET /capabilities lists all)' : ''}.`,
    { param: 'language' },
  );
}

/** English name in lower case, as OpenAI's API says it; `unknown` for null, and the code where there is no name. */
export function languageName(code: string | null): string {
  return code === null ? 'unknown' : (NAMES[code] ?? code);
}
