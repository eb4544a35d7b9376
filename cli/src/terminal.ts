import { constants } from 'node:os';

/** Where a command writes, and what comes from the user meanwhile. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Progress and errors. */
  err(text: string): void;
  /** Whether a person watches `err`. */
  readonly isWatched: boolean;
  /** Characters a line. */
  readonly columns: number;
  /** Standard input. */
  readonly input: AsyncIterable<Uint8Array>;
  /** A signal that is aborted with `Interrupted`. Who asks for it takes Ctrl-C over and must come to an end by itself; a second Ctrl-C ends the program at once. */
  interrupted(): AbortSignal;
}

/** A command line that means nothing; the message says which part of it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The user wants the program to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** As shells expect it: 128 and the number of the signal. */
  readonly status: number;

  constructor(status: number) {
    super('interrupted');
    this.status = status;
  }
}

/** A terminal that is given back at the end: who still waited for input would keep the program. */
interface ProcessTerminal extends Terminal {
  release(): void;
}

/** The terminal of this process. A reader that has seen enough, as in `murmur … | head`, is no error. */
export function processTerminal(): ProcessTerminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  let interruption: AbortSignal | undefined;
  let isRead = false;
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    isWatched: process.stderr.isTTY,
    // A terminal that does not know its width says 0.
    columns: process.stderr.isTTY && process.stderr.columns > 0 ? process.stderr.columns : 80,
    get input() {
      isRead = true;
      return process.stdin;
    },
    interrupted: () => (interruption ??= takeSignals()),
    release: () => {
      if (isRead) process.stdin.destroy();
    },
  };
}

/** Takes Ctrl-C and SIGTERM over. */
function takeSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const status = 128 + constants.signals[name];
      if (controller.signal.aborted) process.exit(status);
      controller.abort(new Interrupted(status));
    });
  }
  return controller.signal;
}

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
