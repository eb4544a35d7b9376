import { join } from 'node:path';
import { type Command, Option } from '@commander-js/extra-typings';
import type { Job, Transcript } from '@murmuration/client/node';
import {
  type CommandContext,
  clientFor,
  SERVER_OPTIONS,
  wholeNumber,
  concernsAll,
  faultJson,
  sentence,
  STATUS,
  statusOf,
} from '../commands.js';
import { FORMAT, SUBTITLE_OPTIONS, subtitleLayout, transcriptText, writeWhole } from '../output/transcript-output.js';
import { Interrupted, type Terminal, UsageError } from '../terminal.js';
import { outputNames, type TranscribeArguments, transcribeOne } from './transcribe-one.js';
import { ProgressBoard } from '../output/progress.js';

const EXPLAINED = `
Recordings become jobs of the server: they are sent as they are read, several at once, and followed to their end.
Text goes to standard output, or with -o into one file for each recording. Ctrl-C cancels the jobs.

Exit status: 0 all done; 1 some failed; 2 the command line is wrong; 3 the server cannot be reached; 130 Ctrl-C.`;

/** Adds `murmur transcribe …`. */
export function addTranscribe(program: Command, context: CommandContext): void {
  program
    .command('transcribe')
    .description('Recordings in, text out.')
    .argument('<FILE|URL|-...>', 'recordings; - is standard input')
    .addOption(FORMAT)
    .option('-o, --output <DIR>', 'write DIR/NAME.F for each recording instead, each whole or not at all')
    .option('--language <L>', 'ISO 639-1 code; default what the model hears')
    .option('--model <M>', 'a model that the server serves')
    .option('--word-timestamps', 'the time of each word')
    .addOption(
      new Option('--priority <P>', 'lane of the jobs')
        .choices(['interactive', 'batch'] as const)
        .default('interactive' as const),
    )
    .addOption(new Option('--parallel <N>', 'recordings at the same time').argParser(wholeNumber(1, 64)).default(4))
    .option('--json', 'for programs: one line of JSON for each recording, when it ends')
    .addOption(SUBTITLE_OPTIONS.width)
    .addOption(SUBTITLE_OPTIONS.lines)
    .addOption(SUBTITLE_OPTIONS.words)
    .addOption(SUBTITLE_OPTIONS.highlight)
    .addOption(SERVER_OPTIONS.server)
    .addOption(SERVER_OPTIONS.key)
    .addHelpText('after', EXPLAINED)
    .action(async (inputs, options) => {
      const { format, output: folder = null, json = false, language, model } = options;
      const layout = subtitleLayout(options, format);
      if (inputs.filter((input) => input === '-').length > 1)
        throw new UsageError('murmur transcribe: standard input can be read once');
      if (inputs.length > 1 && folder === null && !json && format !== 'txt')
        throw new UsageError(`murmur transcribe: several recordings as ${format} need --output or --json`);
      context.status = await transcribeAll(
        {
          client: clientFor(options, context.readConfig()),
          inputs,
          format,
          layout,
          folder,
          json,
          parallel: options.parallel,
          fields: {
            priority: options.priority,
            ...(language === undefined ? {} : { language }),
            ...(model === undefined ? {} : { model }),
            ...(options.wordTimestamps === true || layout.highlight_words === true ? { word_timestamps: true } : {}),
          },
        },
        context.terminal,
      );
    });
}

/** All recordings, some at once; answers the exit status. Texts are printed in the order of the arguments, lines for programs as they come. Throws `Interrupted`. */
async function transcribeAll(asked: TranscribeArguments, terminal: Terminal): Promise<number> {
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
