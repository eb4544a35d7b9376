import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MULTI, languageFor, languageName, languageOf } from './language.js';

/** The languages of Whisper's first multilingual models (openai/whisper, `tokenizer.py`), by their own codes. */
const WHISPER =
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su'.split(
    ' ',
  );
const BASE = { id: 'base', languages: WHISPER.map((code) => (code === 'jw' ? 'jv' : code)), detectsLanguage: true };

test('Knows all 99 languages of Whisper by its code, by its name, by a tag with a region and in capitals', () => {
  assert.equal(new Set(WHISPER).size, 99);
  for (const code of WHISPER) {
    const known = languageFor(languageOf(code), BASE);
    assert.ok(known !== null && BASE.languages.includes(known), code);
    assert.equal(languageOf(languageName(known)), known, code);
    assert.notEqual(languageName(known), known, `${code} has a name`);
    assert.equal(languageOf(`${code.toUpperCase()}-XX`), known);
  }
});

test('Takes languages as clients of OpenAI, Whisper, Deepgram and others spell them', () => {
  const spelt: readonly (readonly [string, string])[] = [
    ['en', 'en'],
    ['en-US', 'en'],
    ['en_GB', 'en'],
    ['English', 'en'],
    [' english ', 'en'],
    ['zh-CN', 'zh'],
    ['zh-TW', 'zh'],
    ['zh-Hans-CN', 'zh'],
    ['cmn-Hans-CN', 'zh'],
    ['Mandarin', 'zh'],
    ['zh-HK', 'yue'],
    ['yue', 'yue'],
    ['zh-yue', 'yue'],
    ['yue-Hant-HK', 'yue'],
    ['Cantonese', 'yue'],
    ['jw', 'jv'],
    ['jv', 'jv'],
    ['iw', 'he'],
    ['he', 'he'],
    ['no', 'no'],
    ['nb', 'no'],
    ['nb-NO', 'no'],
    ['nn', 'nn'],
    ['Norwegian', 'no'],
    ['nynorsk', 'nn'],
    ['fil', 'tl'],
    ['tl', 'tl'],
    ['Filipino', 'tl'],
    ['tagalog', 'tl'],
    ['in', 'id'],
    ['ji', 'yi'],
    ['es-419', 'es'],
    ['pt-BR', 'pt'],
    ['sr-Latn', 'sr'],
    ['sr-Cyrl-RS', 'sr'],
    ['deu', 'de'],
    ['ger', 'de'],
    ['fra', 'fr'],
    ['eng', 'en'],
    ['haw', 'haw'],
    ['Haitian Creole', 'ht'],
    ['haitian', 'ht'],
    ['burmese', 'my'],
    ['myanmar', 'my'],
    ['castilian', 'es'],
    ['moldovan', 'ro'],
    ['mo', 'ro'],
    ['flemish', 'nl'],
    ['panjabi', 'pa'],
    ['farsi', 'fa'],
  ];
  for (const [text, code] of spelt) assert.equal(languageOf(text), code, text);
  for (const nothing of ['', 'auto', ' AUTO ', 'und', null, undefined]) assert.equal(languageOf(nothing), null);
  for (const several of ['multi', 'Multi', 'multilingual', 'mul']) assert.equal(languageOf(several), MULTI);
});

test('Refuses what is no language, naming the field', () => {
  for (const text of [
    'not a language',
    'klingonese',
    'e',
    '12',
    'en;de',
    'en,de',
    'ünglish',
    '<|en|>',
    'x'.repeat(64),
    'constructor',
    '__proto__',
  ]) {
    assert.throws(() => languageOf(text), { code: 'unsupported_language', param: 'language' }, text);
  }
});

test('Gives a model the nearest of its languages, and refuses what it does not know', () => {
  assert.equal(languageFor('yue', BASE), 'zh');
  assert.equal(languageFor('yue', { ...BASE, languages: [...BASE.languages, 'yue'] }), 'yue');
  assert.equal(languageFor('nn', { ...BASE, languages: ['no'] }), 'no');
  assert.equal(languageFor(null, BASE), null);
  assert.throws(() => languageFor('xx', BASE), {
    code: 'unsupported_language',
    param: 'language',
    message: /base does not know this language\. It knows: en, zh, .* … \(GET \/capabilities lists all\)/,
  });
  assert.throws(() => languageFor('de', { id: 'moonshine-tiny', languages: ['en'], detectsLanguage: false }), {
    code: 'unsupported_language',
  });
});

test('Hands `multi` to a model that finds languages, and takes a model of one language as it is', () => {
  assert.equal(languageFor(MULTI, BASE), MULTI);
  assert.equal(languageFor(MULTI, { id: 'moonshine-tiny', languages: ['en'], detectsLanguage: false }), null);
});
