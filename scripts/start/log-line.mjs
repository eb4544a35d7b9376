const SERIOUS = new Set(['warn', 'error', 'fatal']);

/** Facts of a log line that are of use on a terminal. */
const TOLD = ['model', 'device', 'step', 'file', 'percent', 'megabytes'];

/**
 * What a person should see of a service's log line, or null for nothing: warnings and errors always, other lines only while it
 * starts. Lines that are no JSON (a crash, a warning of Node) are shown as they are.
 */
export function describeLogLine(line, { starting }) {
  if (line.trim() === '') return null;
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    return line;
  }
  if (record === null || typeof record !== 'object') return line;
  // 'ready' is said by the start script itself, once the probe agrees.
  if (!SERIOUS.has(record.level) && !(starting && record.level === 'info' && record.msg !== 'ready')) return null;
  if (typeof record.fraction === 'number') record.percent = Math.round(record.fraction * 100);
  const facts = TOLD.filter((name) => ['string', 'number'].includes(typeof record[name])).map((name) => `${name} ${String(record[name])}`);
  for (const why of [record.reason, record.err?.message]) if (typeof why === 'string') facts.push(why);
  const mark = SERIOUS.has(record.level) ? `${record.level}: ` : '';
  return `${mark}${String(record.msg ?? '')}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

/** Lets a text through once in `everyMs`: a service that cannot reach Redis says the same thing many times a second. */
export class RepeatFilter {
  #shownAtMs = new Map();
  #everyMs;
  #now;

  constructor(everyMs = 10_000, now = Date.now) {
    this.#everyMs = everyMs;
    this.#now = now;
  }

  passes(text) {
    const nowMs = this.#now();
    const before = this.#shownAtMs.get(text);
    if (before !== undefined && nowMs - before < this.#everyMs) return false;
    // Texts differ without end (ports, times); what was shown long ago need not be remembered.
    if (this.#shownAtMs.size >= 100) this.#shownAtMs.clear();
    this.#shownAtMs.set(text, nowMs);
    return true;
  }
}
