import { Option, type Command } from '@commander-js/extra-typings';
import { inspectCuda, type CudaFacts } from '@murmuration/onnx';
import { resolve } from 'node:path';
import { type CommandContext, STATUS } from '../commands.js';
import { MARKS, type Finding } from '../doctor/checks.js';
import { ProgressLine } from '../output/progress.js';
import { gpuWheels } from './gpu-wheels.js';
import { installGpu } from './install-gpu.js';

const VARIABLES = `
Variables: GPU_LIBRARIES (.murmuration/gpu in the checkout), PIP_INDEX_URL (https://pypi.org/simple).
Exit status: 0 done; 1 it could not be done, or something is missing; 2 the command line is wrong.`;

/** Adds `murmur gpu …`. */
export function addGpu(program: Command, context: CommandContext): void {
  const gpu = program
    .command('gpu')
    .description("The libraries by which workers use NVIDIA's cards.")
    .addHelpText('after', VARIABLES);
  gpu
    .command('install')
    .description(
      'fetch the CUDA provider of the runtime and the libraries it needs (1.5 GB, 2.5 GB unpacked), checked by SHA-256',
    )
    .option('--index <URL>', 'package index to fetch from; default PIP_INDEX_URL')
    .option('--folder <F>', 'where they go; default GPU_LIBRARIES')
    .addHelpText('after', VARIABLES)
    .action(async (options) => {
      const { terminal } = context;
      const config = context.readConfig();
      const folder = options.folder === undefined ? config.GPU_LIBRARIES : resolve(options.folder);
      const progress = new ProgressLine(terminal);
      const installed = await installGpu({
        index: options.index ?? config.PIP_INDEX_URL,
        folder,
        wheels: await gpuWheels(),
        signal: terminal.interrupted(),
        onBytes: ({ name }, doneBytes, totalBytes) => {
          progress.update({ step: 'downloading', reason: '', file: name, doneBytes, totalBytes });
        },
      }).finally(() => {
        progress.end();
      });
      terminal.out(installed ? `The libraries are in ${folder}.\n` : `The libraries are in ${folder} already.\n`);
    });
  gpu
    .command('check')
    .description('say what there is for CUDA, and what is missing')
    .option('--folder <F>', 'where the libraries are; default GPU_LIBRARIES')
    .addOption(new Option('--json', 'for programs: one JSON document on standard output'))
    .addHelpText('after', VARIABLES)
    .action((options) => {
      const { terminal } = context;
      const folder = options.folder === undefined ? context.readConfig().GPU_LIBRARIES : resolve(options.folder);
      const findings = cudaFindings(inspectCuda(folder), folder);
      if (options.json === true) terminal.out(`${JSON.stringify({ findings }, null, 2)}\n`);
      else for (const { name, state, text } of findings) terminal.out(`${MARKS[state]}  ${name.padEnd(9)} ${text}\n`);
      context.status = findings.some(({ state }) => state === 'bad') ? STATUS.failed : STATUS.done;
    });
}

/** The driver that CUDA 13 needs speaks it. */
const CUDA_MAJOR = 13;

/** A sentence for each thing: what is there, or what is missing and what to do. */
export function cudaFindings(
  { provider, missing, missingTensorRt, driver, cards }: CudaFacts,
  folder: string,
): Finding[] {
  const libraries: Finding =
    missing.length === 0
      ? { name: 'libraries', state: 'ok', text: "all of NVIDIA's that the provider needs" }
      : { name: 'libraries', state: 'bad', text: `${missing.join(', ')} cannot be loaded. Run murmur gpu install.` };
  return [
    provider === null
      ? { name: 'provider', state: 'bad', text: `not in ${folder}. Run murmur gpu install.` }
      : { name: 'provider', state: 'ok', text: provider },
    ...(provider === null ? [] : [libraries]),
    ...(missingTensorRt === null ? [] : [tensorRtFinding(missingTensorRt)]),
    driverFinding(driver),
    ...(driver === null ? [] : cardFindings(cards)),
  ];
}

function tensorRtFinding(missing: readonly string[]): Finding {
  return missing.length === 0
    ? { name: 'tensorrt', state: 'ok', text: 'libraries and provider' }
    : {
        name: 'tensorrt',
        state: 'note',
        text: `${missing.join(', ')} cannot be loaded, which DEVICE=tensorrt alone needs. Install TensorRT 10 for CUDA 13 from NVIDIA (libnvinfer10, libnvonnxparsers10).`,
      };
}

function driverFinding(driver: string | null): Finding {
  const name = 'driver';
  if (driver === null)
    return {
      name,
      state: 'bad',
      text: 'libcuda.so.1 cannot be loaded. Install the NVIDIA driver, 580 or later, or give the container the GPU (--gpus all).',
    };
  return Number.parseInt(driver, 10) < CUDA_MAJOR
    ? {
        name,
        state: 'bad',
        text: `speaks CUDA ${driver}, and ${String(CUDA_MAJOR)} is needed. Install version 580 or later.`,
      }
    : { name, state: 'ok', text: `speaks CUDA ${driver}` };
}

function cardFindings(cards: CudaFacts['cards']): Finding[] {
  if (cards.length === 0)
    return [
      {
        name: 'gpu',
        state: 'bad',
        text: 'the driver gives none to this process. Look at CUDA_VISIBLE_DEVICES and nvidia-smi.',
      },
    ];
  return cards.map(({ name, memoryMiB }) => ({ name: 'gpu', state: 'ok', text: `${name}, ${String(memoryMiB)} MiB` }));
}
