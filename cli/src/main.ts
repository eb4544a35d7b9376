import { readEnvironment } from './config.js';
import { processTerminal } from './terminal.js';
import { run } from './run.js';

const terminal = processTerminal();
process.exitCode = await run(process.argv.slice(2), readEnvironment(), terminal);
terminal.release();
