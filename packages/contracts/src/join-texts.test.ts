import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinTexts, spaceBetween } from './join-texts.js';

const cases: readonly (readonly [string, readonly string[], string])[] = [
  ['English', [' And so', 'my fellow Americans.', ' ', 'Ask not'], 'And so my fellow Americans. Ask not'],
  ['Chinese with full stops', ['今天天气很好。', '我们去公园吧。'], '今天天气很好。我们去公园吧。'],
  [
    'Chinese without punctuation, and with that of ASCII',
    ['今天天气很好', '我们去公园', '你去吗?', '去'],
    '今天天气很好我们去公园你去吗?去',
  ],
  [
    'Japanese',
    ['ありがとう', 'ございました。', '「はい」', 'ラーメン', '一つ'],
    'ありがとうございました。「はい」ラーメン一つ',
  ],
  ['Thai', [' สวัสดีครับ', 'วันนี้อากาศดี'], 'สวัสดีครับวันนี้อากาศดี'],
  ['Lao', ['ສະບາຍດີ', 'ຂອບໃຈ'], 'ສະບາຍດີຂອບໃຈ'],
  ['Khmer', ['សួស្តី', 'អរគុណ'], 'សួស្តីអរគុណ'],
  ['Burmese', ['မင်္ဂလာပါ။', 'ကျေးဇူးတင်ပါတယ်'], 'မင်္ဂလာပါ။ကျေးဇူးတင်ပါတယ်'],
  ['Cantonese in characters beyond the first plane', ['我哋', '𠮷野家'], '我哋𠮷野家'],
  ['Korean, which has spaces', ['안녕하세요.', '반갑습니다.'], '안녕하세요. 반갑습니다.'],
  ['Hindi, Arabic and Russian', ['नमस्ते', 'दुनिया', 'مرحبا', 'Привет'], 'नमस्ते दुनिया مرحبا Привет'],
  ['a Latin name among Chinese', ['我在用', 'Microsoft Teams', '开会'], '我在用 Microsoft Teams 开会'],
  ['English after a Chinese full stop', ['你好。', 'Hello.', '再见'], '你好。Hello. 再见'],
  ['digits among Japanese, and among English', ['全部で', '3', '個です', 'Room', '12'], '全部で3個です Room 12'],
];

for (const [name, texts, joined] of cases) {
  test(`Joins ${name} as it is written`, () => {
    assert.equal(joinTexts(texts), joined);
  });
}

test('Says the space between two texts, whatever spaces they bring', () => {
  assert.equal(spaceBetween('and so ', ' my fellow'), ' ');
  assert.equal(spaceBetween('', 'first'), '');
  assert.equal(spaceBetween('谢谢', ''), '');
  assert.equal(spaceBetween('谢谢 ', ' 大家'), '');
});

test('Joins as many texts as a day of speech has', () => {
  const texts = Array.from({ length: 50_000 }, () => '今天天气很好，我们去公园吧');
  assert.equal(joinTexts(texts), texts.join(''));
});
