import { AsrError } from '@murmuration/contracts';
import { Transferred, serveThread, threadData } from '../thread.js';

/** Methods of the thread that the tests of `thread.ts` talk to. */
export type EchoMethods = {
  echo(value: unknown): unknown;
  refuse(param: string): never;
  fault(value: null): never;
  buffer(length: number): Transferred<ArrayBuffer>;
  die(code: number): never;
};

if (threadData() === 'broken') throw new Error('it cannot start');

const methods: EchoMethods = {
  echo: (value) => value,
  refuse: (param) => {
    throw new AsrError('invalid_field', 'told by the thread', { param });
  },
  fault: () => {
    throw new RangeError('a fault');
  },
  buffer: (length) => {
    const buffer = new ArrayBuffer(length);
    return new Transferred(buffer, [buffer]);
  },
  die: (code) => process.exit(code),
};
serveThread(methods);
