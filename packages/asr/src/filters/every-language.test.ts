import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filterOptionsSchema, type Recognition, type Segment } from '@murmuration/contracts';
import { applyFilters } from './apply-filters.js';
import { measureAudio } from './audio-facts.js';
import { compressionRatio, repetitiveness } from './repetition.js';
import { hasForeignScript, lacksLetters } from './letters-and-script.js';
import { isPhantomPhrase } from './phantom-phrases.js';

const LANGUAGES =
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jv su yue'.split(
    ' ',
  );
const UNSPACED: ReadonlySet<string> = new Set(['zh', 'yue', 'ja', 'th', 'lo', 'km', 'my', 'bo']);
const REGIONS =
  'DE FR GB US CN JP IN BR RU IT ES PT NL BE SE NO FI DK PL CZ AT CH HU RO BG GR TR UA EG ZA NG KE MA DZ TN SA IR IQ IL TH VN ID MY PH KR MN KZ AU NZ CA MX AR CL PE CO'.split(
    ' ',
  );
const LETTERS_OF_HALF_A_MINUTE = 420;

/** Words of a language as Unicode's locale data has them: names of countries, as many as half a minute of speech has letters; null where there are too few. */
function words(language: string): string | null {
  const names = new Intl.DisplayNames([language], { type: 'region', fallback: 'none' });
  if (new Intl.Locale(names.resolvedOptions().locale).language !== language) return null;
  const all = REGIONS.flatMap((region) => names.of(region) ?? []);
  if (all.length < REGIONS.length) return null;
  return Array.from(all.join(UNSPACED.has(language) ? '' : ' '))
    .slice(0, ['zh', 'yue', 'ja'].includes(language) ? 140 : LETTERS_OF_HALF_A_MINUTE)
    .join('');
}

const KNOWN = LANGUAGES.flatMap((language): [string, string][] => {
  const text = words(language);
  return text === null ? [] : [[language, text]];
});

const audio = measureAudio(Float32Array.from({ length: 480_000 }, (_, i) => 0.1 * Math.sin(i / 3)));

describe('Filters in every language that Whisper knows', () => {
  test('Ordinary text is kept, though it compresses well in UTF-8 and has many tokens', () => {
    assert.ok(KNOWN.length > 70, `${String(KNOWN.length)} languages have words here`);
    assert.ok(
      KNOWN.some(([, text]) => compressionRatio(text) > 2.4),
      'the measure of the reference takes some for loops',
    );
    for (const [language, text] of KNOWN) {
      const segment: Segment = {
        startMs: 0,
        endMs: 28_000,
        text: ` ${text}`,
        channel: 0,
        confidence: 0.8,
        avgLogprob: -0.3,
        noSpeechProb: 0.02,
        compressionRatio: compressionRatio(text),
        temperature: 0,
        tokens: new Array<number>(2 * text.length).fill(1),
      };
      const recognition: Recognition = { segments: [segment], filtered: [], language, languageProbability: 0.9 };
      const { segments, filtered } = applyFilters(recognition, filterOptionsSchema.parse({}), {
        audio,
        textLanguage: language,
      });
      assert.deepEqual(
        [segments.map((one) => one.text), filtered],
        [[` ${text}`], []],
        `${language}: ${String(repetitiveness(text))}`,
      );
    }
  });

  test('A loop is removed in each of them', () => {
    for (const [language, text] of KNOWN) {
      const sentence = Array.from(text).slice(0, 24).join('');
      const loop = `${sentence}${UNSPACED.has(language) ? '' : ', '}`.repeat(24);
      const segment: Segment = {
        startMs: 0,
        endMs: 8_000,
        text: loop,
        channel: 0,
        confidence: 0.8,
        avgLogprob: -0.3,
        noSpeechProb: 0.3,
        compressionRatio: compressionRatio(loop),
        temperature: 0,
        tokens: new Array<number>(loop.length).fill(1),
      };
      const { segments } = applyFilters(
        { segments: [segment], filtered: [], language, languageProbability: 0.9 },
        filterOptionsSchema.parse({}),
        { audio, textLanguage: language },
      );
      assert.ok(
        segments.reduce((sum, one) => sum + one.text.length, 0) < loop.length / 4,
        `${language}: ${segments.map((one) => one.text).join('')}`,
      );
    }
  });

  test('The script of each is known, and letters of any', () => {
    for (const [language, text] of KNOWN) {
      assert.equal(hasForeignScript(text, language), false, language);
      assert.equal(lacksLetters(text), false, language);
    }
    for (const language of LANGUAGES) {
      // Sindhi and Sanskrit have no names of countries here, but a script that is theirs.
      const { script } = new Intl.Locale(language).maximize();
      const written = KNOWN.find(([other]) => new Intl.Locale(other).maximize().script === script);
      if (written !== undefined)
        assert.equal(hasForeignScript(written[1], language), false, `${language} in ${String(script)}`);
    }
  });

  test('A script that does not fit is refused', () => {
    for (const [language, text] of KNOWN) {
      const { script } = new Intl.Locale(language).maximize();
      if (script !== 'Latn') assert.equal(hasForeignScript(text, 'en'), true, language);
    }
  });

  test('English thanks for watching are phantom phrases whatever language is spoken', () => {
    for (const language of LANGUAGES) assert.equal(isPhantomPhrase(' Thanks for watching!', language), true, language);
    assert.equal(isPhantomPhrase(' Takk for at du så på.', 'nn'), true);
    assert.equal(isPhantomPhrase('謝謝觀看', 'yue'), true);
    assert.equal(isPhantomPhrase('Der Raum wurde genutzt.', 'de'), false);
  });
});
