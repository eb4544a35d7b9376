import { Readable } from 'node:stream';

const COUNT = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/**
 * The events of several runs of node:test, one after the other, as those of one: the counts at the end of each run are kept back,
 * and the sums are told once at the very end. `starts` are functions that start a run; `placed(event)` may mend where a failure stands.
 */
export class SummedEvents extends Readable {
  /** True as soon as a test failed or was cancelled. */
  failed = false;
  #events;
  #sums = new Map();
  #stuck = [];
  #placed;

  constructor(starts, placed = (event) => event) {
    super({ objectMode: true });
    this.#placed = placed;
    this.#events = this.#merge(starts);
  }

  /** Tells of a test that did not end by itself: node:test knows only that the process of its file was ended. */
  stuck({ file, name, reason }) {
    this.failed = true;
    const error = Object.assign(new Error(reason), {
      code: 'ERR_TEST_FAILURE',
      failureType: 'testTimeoutFailure',
      cause: reason,
    });
    this.#stuck.push({
      type: 'test:fail',
      data: { name, file, line: 1, column: 1, nesting: 0, testNumber: 1, details: { duration_ms: 0, error } },
    });
  }

  async *#merge(starts) {
    for (const start of starts) {
      for await (const event of start()) {
        const count = this.#countOf(event);
        if (count === null) {
          if (event.type === 'test:fail' && event.data.todo === undefined && event.data.skip === undefined)
            this.failed = true;
          yield event.type === 'test:fail' ? this.#placed(event) : event;
          while (this.#stuck.length > 0) yield this.#stuck.shift();
        } else {
          this.#sums.set(count.name, (this.#sums.get(count.name) ?? 0) + count.value);
          if ((count.name === 'fail' || count.name === 'cancelled') && count.value > 0) this.failed = true;
        }
      }
    }
    for (const [name, value] of this.#sums)
      yield {
        type: 'test:diagnostic',
        data: { nesting: 0, message: `${name} ${String(Math.round(value * 1000) / 1000)}` },
      };
  }

  /** A run's own count; diagnostics of tests have a file or lie deeper. */
  #countOf(event) {
    if (event.type !== 'test:diagnostic' || event.data.nesting !== 0 || event.data.file !== undefined) return null;
    const match = COUNT.exec(event.data.message);
    return match === null ? null : { name: match[1], value: Number(match[2]) };
  }

  /** @override */
  _read() {
    this.#events.next().then(
      ({ done, value }) => {
        this.push(done ? null : value);
      },
      (error) => {
        this.destroy(error);
      },
    );
  }
}
