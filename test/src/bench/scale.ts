import { availableParallelism } from 'node:os';
import { benchOptions } from '../harness/bench-options.js';
import { printFigures, type Figure } from '../harness/figures.js';
import { ITEMS_A_TICKET, manyWorkers } from './scale/simulated-workers.js';

/*
 * How far one Redis carries: simulated devices behind the real queue, store and scripts. First more and more workers whose batches take as long as those of a
 * GPU, with enough work for all: chunks a second, what part of a core Redis takes, how busy the workers are. Then the same with more and more chunks waiting.
 *   npm run bench -- scale [--workers 1,4,16,64] [--waiting 0,10000,100000] [--batch-ms 250] [--batches 12]
 * The long form: --waiting 0,1000,10000,100000,1000000 --batches 100.
 */

const values = benchOptions({
  workers: { type: 'string', default: '1,4,16,64' },
  waiting: { type: 'string', default: '0,10000,100000' },
  'batch-ms': { type: 'string', default: '250' },
  batches: { type: 'string', default: '12' },
});
const listOf = (name: string, text: string, least: number): number[] => {
  const numbers = text.split(',').map(Number);
  if (!numbers.every((one) => Number.isInteger(one) && one >= least))
    throw new RangeError(`${name} takes whole numbers from ${String(least)} on`);
  return numbers;
};
const [batchMs = 250] = listOf('--batch-ms', values['batch-ms'], 1);
const [batches = 12] = listOf('--batches', values.batches, 2);
const WAITING_WORKERS = 16;

const figures: Figure[] = [];
const measure = async (name: string, workers: number, waiting: number): Promise<void> => {
  const measured = await manyWorkers({ workers, batchMs, batches, waiting });
  figures.push(
    { name: `${name}: chunks`, value: measured.chunksPerSecond, unit: 'a second' },
    { name: `${name}: workers busy`, value: 100 * measured.busyShare, unit: '%' },
    { name: `${name}: Redis`, value: 100 * measured.redisShare, unit: '% of a core' },
    { name: `${name}: time in Redis a chunk`, value: measured.redisMicroseconds, unit: 'µs' },
    { name: `${name}: memory of Redis`, value: measured.redisMegabytes, unit: 'MB' },
  );
};
process.stdout.write(
  `${String(availableParallelism())} cores for Redis and all workers; batches of ${String(ITEMS_A_TICKET)} that take ${String(batchMs)} ms\n`,
);
for (const workers of listOf('--workers', values.workers, 1)) await measure(`${String(workers)} workers`, workers, 0);
for (const waiting of listOf('--waiting', values.waiting, 0))
  await measure(`${String(waiting)} waiting chunks, ${String(WAITING_WORKERS)} workers`, WAITING_WORKERS, waiting);
printFigures('scale', figures);
