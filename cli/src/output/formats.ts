/** Forms of a transcript; also the extensions of its files. */
export const FORMATS = ['txt', 'json', 'srt', 'vtt', 'tsv'] as const;
export type Format = (typeof FORMATS)[number];
