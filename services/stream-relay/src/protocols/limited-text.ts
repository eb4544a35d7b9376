/** Longest prompt and list of words that a live session takes, characters. */
const TEXT_LENGTH = 4_000;

/** A prompt, cut to its end: models look at what came last. */
export function promptOf(text: string | null | undefined): string {
  return (text ?? '').slice(-TEXT_LENGTH);
}

/** Words to favour as one text; what is too long is left out word by word. */
export function hotwordsOf(words: readonly string[]): string {
  let text = '';
  for (const word of words.map((one) => one.trim()).filter((one) => one !== '')) {
    const longer = text === '' ? word : `${text}, ${word}`;
    if (longer.length > TEXT_LENGTH) break;
    text = longer;
  }
  return text;
}
