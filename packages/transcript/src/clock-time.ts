/** Milliseconds as `HH:MM:SS<mark>mmm`, rounded to the millisecond before it is taken apart. */
export function clockTime(timeMs: number, mark: ',' | '.'): string {
  const total = Math.max(0, Math.round(timeMs));
  const padded = (value: number, length: number): string => String(value).padStart(length, '0');
  const seconds = Math.floor(total / 1000);
  return `${padded(Math.floor(seconds / 3600), 2)}:${padded(Math.floor(seconds / 60) % 60, 2)}:${padded(seconds % 60, 2)}${mark}${padded(total % 1000, 3)}`;
}

/** Milliseconds as seconds, to the millisecond. */
export function seconds(timeMs: number): number {
  return Math.round(timeMs) / 1000;
}
