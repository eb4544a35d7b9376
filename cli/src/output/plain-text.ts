const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes as people read them: `28.2 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** Seconds as people read them: `1:02:03` or `2:03`; with tenths where asked for. */
export function clockTime(seconds: number, tenths = false): string {
  const units = Math.floor(seconds * (tenths ? 10 : 1) + 1e-6);
  const whole = Math.floor(units / (tenths ? 10 : 1));
  const [h, m, s] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const minutes = h === 0 ? String(m) : `${String(h)}:${String(m).padStart(2, '0')}`;
  return `${minutes}:${String(s).padStart(2, '0')}${tenths ? `.${String(units % 10)}` : ''}`;
}

/** Rows under headings, columns aligned, two spaces between. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [headings, ...rows]
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
