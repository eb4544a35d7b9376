import { MurmurationError } from '@murmuration/client';
import type { Texts } from '../texts/en.ts';

/** Seconds as `1:02:03` or `2:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${String(h)}:${two(m)}:${two(s)}` : `${String(m)}:${two(s)}`;
}

/** A length of audio in minutes, from an hour on in hours. */
export function audioTime(seconds: number, language: string): string {
  const unit = seconds < 3_600 ? 'minute' : 'hour';
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: 1 }).format(
    seconds / (unit === 'hour' ? 3_600 : 60),
  );
}

export function dateTime(iso: string | null, language: string): string {
  return iso === null
    ? '–'
    : new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
}

export function bytes(count: number, language: string): string {
  const unit = count >= 1e9 ? 'gigabyte' : 'megabyte';
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: 1 }).format(
    count / (unit === 'gigabyte' ? 1e9 : 1e6),
  );
}

/** A sentence for a fault: of the page's own texts where it knows the code, else the server's. */
export function faultText(texts: Texts, error: unknown): string {
  if (!(error instanceof MurmurationError))
    return (texts.errors['unknown'] ?? '') + (error instanceof Error ? error.message : String(error));
  return codeText(texts, error.code, error.message);
}

export function codeText(texts: Texts, code: string, message: string): string {
  const own = texts.errors[code];
  if (own === undefined) return message;
  return code === 'permission_denied' ? own + message : own;
}

/** A name of a stranger's choice, on one line and in the direction in which it is written: marks that would turn it are shown as what they are. */
export function plainName(name: string): string {
  return name.replace(
    /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Cc}]/gu,
    (mark) => `[U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
  );
}

/** Gives the user a file. */
export function download(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 10_000);
}
