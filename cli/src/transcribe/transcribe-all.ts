import { join } from 'node:path';
import type { Job, Transcript } from '@murmuration/client/node';
import { transcriptText, writeWhole } from '../output/transcript-output.js';
import { STATUS, concernsAll, faultJson, sentence, statusOf } from '../server/fault.js';
import { Interrupted, type Terminal } from '../terminal.js';
import { outputNames } from './output-names.js';
import { ProgressBoard } from './progress-board.js';
import { transcribeOne, type TranscribeArguments } from './transcribe-one.js';

/** All recordings, some at once; answers the exit status. Texts are printed in the order of the arguments, lines for programs as they come. Throws `Interrupted`. */
export async function transcribeAll(asked: TranscribeArguments, terminal: Terminal): Promise<number> {
  const run = new Run(asked, terminal);
  try {
    // Each is waited for, also when one is interrupted: the others have jobs to cancel.
    const ends = await Promise.allSettled(
      Array.from({ length: Math.min(asked.parallel, asked.inputs.length) }, () => run.work()),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } finally {
    run.end();
  }
  return run.status;
}

class Run {
  readonly #asked: TranscribeArguments;
  readonly #terminal: Terminal;
  readonly #board: ProgressBoard;
  readonly #names: readonly string[];
  readonly #interrupted: AbortSignal;
  /** Texts that wait for those before them. */
  readonly #texts = new Map<number, string>();
  #begun = 0;
  #printed = 0;
  #isStopped = false;
  #status: number = STATUS.done;

  constructor(asked: TranscribeArguments, terminal: Terminal) {
    this.#asked = asked;
    this.#terminal = terminal;
    this.#board = new ProgressBoard(terminal);
    this.#names = outputNames(asked.inputs, asked.format);
    this.#interrupted = terminal.interrupted();
  }

  get status(): number {
    return this.#status;
  }

  /** Takes one recording after the other until none is left. */
  async work(): Promise<void> {
    for (let index = this.#begun++; index < this.#asked.inputs.length && !this.#isStopped; index = this.#begun++)
      await this.#one(index);
  }

  end(): void {
    this.#board.end();
  }

  async #one(index: number): Promise<void> {
    const input = this.#asked.inputs[index] ?? '';
    const progress = this.#board.add(input);
    try {
      const { job, transcript } = await transcribeOne(input, this.#asked, this.#terminal, progress, this.#interrupted);
      await this.#succeeded(index, job, transcript);
    } catch (error) {
      this.#isStopped ||= concernsAll(error) || error instanceof Interrupted;
      if (error instanceof Interrupted) throw error;
      this.#failed(index, error);
    } finally {
      progress.end();
    }
  }

  async #succeeded(index: number, job: Job, transcript: Transcript | string): Promise<void> {
    const { folder, json, inputs } = this.#asked;
    const path = folder === null ? null : join(folder, this.#names[index] ?? '');
    if (path !== null) await writeWhole(path, transcriptText(transcript));
    if (json) {
      const { id, model, language, duration } = job;
      this.#line({
        input: inputs[index],
        id,
        status: job.status,
        model,
        language,
        duration,
        ...(path === null ? { transcript } : { output: path }),
      });
    } else {
      this.#print(index, path === null ? this.#headed(index, transcriptText(transcript)) : `${path}\n`);
    }
  }

  #failed(index: number, error: unknown): void {
    const { inputs, json } = this.#asked;
    const fault = faultJson(error);
    this.#status = Math.max(this.#status, statusOf(error));
    this.#board.aside(() => {
      this.#terminal.err(`${inputs[index] ?? ''}: ${sentence(error)}\n`);
    });
    if (json) this.#line({ input: inputs[index], status: 'failed', error: fault });
    else this.#print(index, '');
  }

  #line(value: unknown): void {
    this.#board.aside(() => {
      this.#terminal.out(`${JSON.stringify(value)}\n`);
    });
  }

  /** Several texts on one stream are told apart by their inputs. */
  #headed(index: number, text: string): string {
    const { inputs } = this.#asked;
    return inputs.length === 1 ? text : `==> ${inputs[index] ?? ''} <==\n${text}\n`;
  }

  #print(index: number, text: string): void {
    this.#texts.set(index, text);
    for (let next = this.#texts.get(this.#printed); next !== undefined; next = this.#texts.get(this.#printed)) {
      const ready = next;
      this.#texts.delete(this.#printed++);
      if (ready !== '')
        this.#board.aside(() => {
          this.#terminal.out(ready);
        });
    }
  }
}
