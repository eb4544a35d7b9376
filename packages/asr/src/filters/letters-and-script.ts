/** Of what is not space, at least this share must be letters, marks or digits: "1, 2, 3." has a half. */
const LEAST_LETTERS = 0.25;

/** True when a text has too few letters and digits to be speech written down. */
export function lacksLetters(text: string): boolean {
  const visible = text.match(/\S/gu)?.length ?? 0;
  return (text.match(/[\p{L}\p{M}\p{N}]/gu)?.length ?? 0) < LEAST_LETTERS * visible;
}

const SCRIPTS = {
  Arabic: /\p{Script=Arabic}/u,
  Bopomofo: /\p{Script=Bopomofo}/u,
  Armenian: /\p{Script=Armenian}/u,
  Bengali: /\p{Script=Bengali}/u,
  Cyrillic: /\p{Script=Cyrillic}/u,
  Devanagari: /\p{Script=Devanagari}/u,
  Ethiopic: /\p{Script=Ethiopic}/u,
  Georgian: /\p{Script=Georgian}/u,
  Greek: /\p{Script=Greek}/u,
  Gujarati: /\p{Script=Gujarati}/u,
  Gurmukhi: /\p{Script=Gurmukhi}/u,
  Han: /\p{Script=Han}/u,
  Hangul: /\p{Script=Hangul}/u,
  Hebrew: /\p{Script=Hebrew}/u,
  Kana: /[\p{Script=Hiragana}\p{Script=Katakana}ー]/u,
  Kannada: /\p{Script=Kannada}/u,
  Khmer: /\p{Script=Khmer}/u,
  Lao: /\p{Script=Lao}/u,
  Malayalam: /\p{Script=Malayalam}/u,
  Myanmar: /\p{Script=Myanmar}/u,
  Sinhala: /\p{Script=Sinhala}/u,
  Tamil: /\p{Script=Tamil}/u,
  Telugu: /\p{Script=Telugu}/u,
  Thai: /\p{Script=Thai}/u,
  Tibetan: /\p{Script=Tibetan}/u,
} as const satisfies Record<string, RegExp>;

type Script = keyof typeof SCRIPTS;

const LATIN = /[\p{Script=Latin}\p{N}]/u;

/** Scripts beside the Latin one that a language is written in. A language that is not here is written in Latin letters. */
const LANGUAGE_SCRIPTS: Readonly<Partial<Record<string, readonly Script[]>>> = {
  am: ['Ethiopic'],
  ar: ['Arabic'],
  as: ['Bengali'],
  az: ['Cyrillic', 'Arabic'],
  ba: ['Cyrillic'],
  be: ['Cyrillic'],
  bg: ['Cyrillic'],
  bn: ['Bengali'],
  bo: ['Tibetan'],
  bs: ['Cyrillic'],
  el: ['Greek'],
  fa: ['Arabic'],
  gu: ['Gujarati'],
  ha: ['Arabic'],
  he: ['Hebrew'],
  hi: ['Devanagari'],
  hy: ['Armenian'],
  ja: ['Kana', 'Han'],
  jv: [],
  ka: ['Georgian'],
  kk: ['Cyrillic', 'Arabic'],
  km: ['Khmer'],
  kn: ['Kannada'],
  ko: ['Hangul', 'Han'],
  lo: ['Lao'],
  mk: ['Cyrillic'],
  ml: ['Malayalam'],
  mn: ['Cyrillic'],
  mr: ['Devanagari'],
  ms: ['Arabic'],
  my: ['Myanmar'],
  ne: ['Devanagari'],
  pa: ['Gurmukhi', 'Arabic'],
  ps: ['Arabic'],
  ru: ['Cyrillic'],
  sa: ['Devanagari'],
  sd: ['Arabic', 'Devanagari'],
  si: ['Sinhala'],
  sr: ['Cyrillic'],
  ta: ['Tamil'],
  te: ['Telugu'],
  tg: ['Cyrillic'],
  th: ['Thai'],
  tk: ['Cyrillic'],
  tt: ['Cyrillic'],
  uk: ['Cyrillic'],
  ur: ['Arabic'],
  uz: ['Cyrillic', 'Arabic'],
  yi: ['Hebrew'],
  yue: ['Han', 'Bopomofo'],
  zh: ['Han', 'Bopomofo'],
};

/**
 * True when most letters of a text are of a script that its language is not written in. Latin letters always fit: names and loan words are written so everywhere.
 * @param language ISO code of the text
 */
export function hasForeignScript(text: string, language: string): boolean {
  const own = (LANGUAGE_SCRIPTS[language] ?? []).map((script) => SCRIPTS[script]);
  let fitting = 0;
  let foreign = 0;
  for (const character of text) {
    if (LATIN.test(character) || own.some((script) => script.test(character))) fitting++;
    else if (/\p{L}/u.test(character)) foreign++;
  }
  return foreign > fitting;
}
