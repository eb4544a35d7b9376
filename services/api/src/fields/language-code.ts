import { AsrError } from '@murmuration/contracts';

const CODE = /^([a-z]{2,3})(?:[-_][a-z0-9]{2,8})*$/;

/** ISO 639-1 code of a language tag (`en`, `EN`, `en-US`); null for `auto`. Throws `unsupported_language` for what is no tag; whether the model knows the language is asked elsewhere. */
export function languageCode(text: string): string | null {
  const lower = text.trim().toLowerCase();
  if (lower === 'auto') return null;
  const code = CODE.exec(lower)?.[1];
  if (code === undefined) throw new AsrError('unsupported_language', 'language: not a language code. Use one that GET /capabilities lists, for example en.', { param: 'language' });
  return code;
}
