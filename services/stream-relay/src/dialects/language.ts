/** Words of the dialects for "find the language". */
const ANY: ReadonlySet<string> = new Set(['', 'auto', 'multi', 'multilingual', 'und']);

/** The language of a tag (`en` of `en-US`), or null when none is wanted. What is no tag comes back as it is, for the service to refuse. */
export function languageOf(tag: string | null | undefined): string | null {
  const plain = (tag ?? '').trim().toLowerCase();
  if (ANY.has(plain)) return null;
  return /^([a-z]{2,3})(?:[-_][a-z0-9]+)*$/.exec(plain)?.[1] ?? plain.slice(0, 64);
}
