import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { privateFolder } from '../../../scripts/setup/private-files.mjs';

/** A log on disk that keeps at most twice `maxBytes`: when it is full it becomes `PATH.1`, and that of before goes. */
export class LogFile {
  readonly path: string;
  readonly #maxBytes: number;
  #file: number;
  #bytes: number;

  constructor(path: string, maxBytes = 20 * 1024 * 1024) {
    this.path = path;
    this.#maxBytes = maxBytes;
    privateFolder(dirname(path));
    this.#file = openSync(path, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  write(line: string): void {
    if (this.#bytes >= this.#maxBytes) {
      closeSync(this.#file);
      renameSync(this.path, `${this.path}.1`);
      this.#file = openSync(this.path, 'a', 0o600);
      this.#bytes = 0;
    }
    try {
      this.#bytes += writeSync(this.#file, `${line}\n`);
    } catch (error) {
      // A full disk must not end the services: their log is what can be spared.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

const SERIOUS: ReadonlySet<unknown> = new Set(['warn', 'error', 'fatal']);

/** Facts of a log line that are of use on a terminal. */
const TOLD = ['model', 'device', 'step', 'file', 'percent', 'megabytes'] as const;

/**
 * What a person should see of a service's log line, or null for nothing: warnings and errors always, other lines only while it
 * starts. Lines that are no JSON (a crash, a warning of Node) are shown as they are.
 */
export function describeLogLine(line: string, { starting }: { readonly starting: boolean }): string | null {
  if (line.trim() === '') return null;
  const record = asRecord(line);
  if (record === null) return line;
  const isSerious = SERIOUS.has(record.level);
  // 'ready' is said by `murmur up` itself, once the probe agrees.
  if (!isSerious && !(starting && record.level === 'info' && record.msg !== 'ready')) return null;
  const percent = typeof record.fraction === 'number' ? { percent: Math.round(record.fraction * 100) } : {};
  const told: Record<string, unknown> = { ...record, ...percent };
  const facts = TOLD.flatMap((name) => {
    const value = told[name];
    return typeof value === 'string' || typeof value === 'number' ? [`${name} ${String(value)}`] : [];
  });
  for (const why of [record.reason, messageOf(record.err)]) if (typeof why === 'string') facts.push(why);
  const mark = isSerious ? `${String(record.level)}: ` : '';
  const text = typeof record.msg === 'string' ? record.msg : '';
  return `${mark}${text}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

function asRecord(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function messageOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
}

/** Lets a text through once in `everyMs`: a service that cannot reach Redis says the same thing many times a second. */
export class RepeatFilter {
  readonly #shownAtMs = new Map<string, number>();
  readonly #everyMs: number;
  readonly #now: () => number;

  constructor(everyMs = 10_000, now: () => number = Date.now) {
    this.#everyMs = everyMs;
    this.#now = now;
  }

  passes(text: string): boolean {
    const nowMs = this.#now();
    const before = this.#shownAtMs.get(text);
    if (before !== undefined && nowMs - before < this.#everyMs) return false;
    // Texts differ without end (ports, times); what was shown long ago need not be remembered.
    if (this.#shownAtMs.size >= 100) this.#shownAtMs.clear();
    this.#shownAtMs.set(text, nowMs);
    return true;
  }
}
