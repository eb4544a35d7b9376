/**
 * Sentences that speech models write over silence and noise, because their training data (video subtitles) had them there.
 * Lower case, without punctuation (see `normalPhrase`); by the language of the text. Gathered from reports about Whisper and from our own noise clips.
 */
const PHRASES: Readonly<Record<string, readonly string[]>> = {
  ar: ['اشتركوا في القناة', 'ترجمة نانسي قنقر', 'شكرا للمشاهدة', 'شكرا لكم على المشاهدة'],
  cs: ['titulky vytvořil johnyx', 'děkuji za pozornost', 'díky za sledování'],
  da: ['tak fordi du så med', 'danske tekster af nicolai winther'],
  de: [
    'untertitel der amaraorg community',
    'untertitel im auftrag des zdf für funk 2017',
    'untertitelung des zdf 2020',
    'vielen dank fürs zuschauen',
    'danke fürs zuschauen',
    'vielen dank',
    'bis zum nächsten mal',
    'tschüss',
  ],
  el: ['υπότιτλοι authorwave', 'ευχαριστώ που παρακολουθήσατε'],
  en: [
    'thank you',
    'thank you very much',
    'thank you so much',
    'thanks for watching',
    'thank you for watching',
    'thank you so much for watching',
    'thanks for listening',
    'thank you for listening',
    'please subscribe',
    'subscribe',
    'subscribe to my channel',
    'please subscribe to my channel',
    'like and subscribe',
    'dont forget to like and subscribe',
    'see you next time',
    'see you in the next video',
    'ill see you in the next video',
    'ill see you next time',
    'ill be right back',
    'im going to be right back',
    'im going to go to the next one',
    'im going to go to the next video',
    'im going to go',
    'im going to take a look at the',
    'im sorry',
    'subtitles by the amaraorg community',
    'transcription by castingwords',
    'captions by getmyvideoscaptioned',
    'you',
    'bye',
    'bye bye',
    'byebye',
    'okay',
    'oh',
    'hmm',
    'mm',
    'uh',
    'so',
    'the end',
    'music',
    'applause',
    'silence',
    'foreign',
    'woo',
    'whoo',
  ],
  es: [
    'subtítulos realizados por la comunidad de amaraorg',
    'subtítulos por la comunidad de amaraorg',
    'gracias por ver el video',
    'gracias por ver',
    'suscríbete al canal',
    'suscríbete',
    'gracias',
    'hasta la próxima',
    'más información wwwalimmentacom',
  ],
  fi: ['kiitos kun katsoit', 'kiitos katsomisesta'],
  fr: [
    'sous titres réalisés par la communauté damaraorg',
    'sous titres réalisés para la communauté damaraorg',
    'sous titrage société radio canada',
    'sous titrage st 501',
    'merci davoir regardé cette vidéo',
    'merci davoir regardé',
    'abonnez vous',
    'merci',
    'à bientôt',
  ],
  he: ['תודה רבה', 'תודה שצפיתם'],
  hi: ['धन्यवाद', 'सब्सक्राइब करें'],
  hu: ['köszönöm hogy megnézted', 'köszönöm a figyelmet'],
  it: [
    'sottotitoli creati dalla comunità amaraorg',
    'sottotitoli e revisione a cura di qtss',
    'grazie per aver guardato il video',
    'grazie',
    'iscrivetevi al canale',
  ],
  ja: [
    'ご視聴ありがとうございました',
    'ご視聴いただきありがとうございます',
    'チャンネル登録お願いします',
    'チャンネル登録をお願いいたします',
    'ありがとうございました',
    'おやすみなさい',
    '最後までご視聴ありがとうございます',
  ],
  ko: [
    '시청해주셔서 감사합니다',
    '구독과 좋아요 부탁드립니다',
    'mbc 뉴스 이덕영입니다',
    '감사합니다',
    '다음 영상에서 만나요',
  ],
  nl: [
    'ondertitels ingediend door de amaraorg gemeenschap',
    'ondertiteling nrc',
    'bedankt voor het kijken',
    'tot de volgende keer',
    'dank u wel',
  ],
  no: ['takk for at du så på', 'teksting av nicolai winther', 'undertekster av ai media'],
  pl: [
    'napisy stworzone przez społeczność amaraorg',
    'dziękuję za oglądanie',
    'dziękuję',
    'dzięki za oglądanie',
    'do zobaczenia',
  ],
  pt: [
    'legendas pela comunidade amaraorg',
    'legendado pela comunidade amaraorg',
    'obrigado por assistir',
    'inscreva se no canal',
    'obrigado',
    'até a próxima',
    'tchau',
  ],
  ro: ['vă mulțumesc pentru vizionare', 'mulțumesc pentru vizionare', 'nu uitați să vă abonați la canal'],
  ru: [
    'субтитры сделал dimatorzok',
    'субтитры создавал dimatorzok',
    'субтитры подогнал симон',
    'редактор субтитров асемкин корректор аегорова',
    'продолжение следует',
    'спасибо за просмотр',
    'спасибо за внимание',
    'спасибо',
    'подписывайтесь на канал',
    'до свидания',
  ],
  sv: [
    'undertexter från amaraorg gemenskapen',
    'tack för att du tittade',
    'textning stina hedin wwwbtistudioscom',
    'tack',
  ],
  tr: ['altyazı mk', 'izlediğiniz için teşekkür ederim', 'abone olmayı unutmayın', 'teşekkürler'],
  uk: ['дякую за перегляд', 'дякую за увагу', 'субтитрувальниця оля шор', 'дякую'],
  vi: [
    'hãy subscribe cho kênh ghiền mì gõ để không bỏ lỡ những video hấp dẫn',
    'cảm ơn các bạn đã theo dõi',
    'hẹn gặp lại các bạn trong những video tiếp theo',
  ],
  zh: [
    '字幕由amaraorg社区提供',
    '请不吝点赞订阅转发打赏支持明镜与点点栏目',
    '谢谢观看',
    '感谢观看',
    '谢谢大家',
    '谢谢',
    '字幕志愿者杨栋梁',
    '請不吝點贊訂閱轉發打賞支持明鏡與點點欄目',
    '謝謝觀看',
    '謝謝大家',
    '謝謝',
  ],
};

const SETS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(PHRASES).map(([language, phrases]) => [language, new Set(phrases.map(normalPhrase))]),
);

/** A text as phrases are compared: lower case, hyphens as spaces, other punctuation gone, spaces single; in Chinese and Japanese without spaces. */
function normalPhrase(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[-–—‑]/gu, ' ')
    .replace(/[^\p{L}\p{M}\p{N}\s]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(plain) ? plain.replace(/ /gu, '') : plain;
}

/** Languages whose phrases are those of another. */
const SAME: Readonly<Record<string, string>> = { nn: 'no', yue: 'zh' };

/** True when a text is nothing but one of the sentences that models invent in its language, or in English, which they may fall into in any language. @param language ISO code, or null when unknown */
export function isPhantomPhrase(text: string, language: string | null): boolean {
  const phrase = normalPhrase(text);
  return [language ?? 'en', SAME[language ?? ''] ?? 'en', 'en'].some((one) => SETS.get(one)?.has(phrase) === true);
}
