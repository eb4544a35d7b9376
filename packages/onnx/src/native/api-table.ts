/**
 * The entries of the runtime's C interface that this package calls: the position in `struct OrtApi` of onnxruntime_c_api.h, what each
 * takes and gives. The table only ever grows at its end, so positions hold for every later version. No other file knows them.
 *
 * `status`: null when all went well, else a handle of an error. `handle`: an address that the runtime owns. `memory`: an array whose
 * memory is read or written. `out`: one or more 64-bit words that the call fills.
 */
export const API_TABLE = {
  GetErrorCode: { at: 1, takes: ['handle'], gives: 'int' },
  GetErrorMessage: { at: 2, takes: ['handle'], gives: 'text' },
  CreateEnv: { at: 3, takes: ['int', 'text', 'out'], gives: 'status' },
  CreateSession: { at: 7, takes: ['handle', 'path', 'handle', 'out'], gives: 'status' },
  CreateSessionFromArray: { at: 8, takes: ['handle', 'memory', 'size', 'handle', 'out'], gives: 'status' },
  CreateSessionOptions: { at: 10, takes: ['out'], gives: 'status' },
  SetSessionExecutionMode: { at: 13, takes: ['handle', 'int'], gives: 'status' },
  DisableMemPattern: { at: 17, takes: ['handle'], gives: 'status' },
  DisableCpuMemArena: { at: 19, takes: ['handle'], gives: 'status' },
  SetSessionLogSeverityLevel: { at: 22, takes: ['handle', 'int'], gives: 'status' },
  SetSessionGraphOptimizationLevel: { at: 23, takes: ['handle', 'int'], gives: 'status' },
  SetIntraOpNumThreads: { at: 24, takes: ['handle', 'int'], gives: 'status' },
  SetInterOpNumThreads: { at: 25, takes: ['handle', 'int'], gives: 'status' },
  SessionGetInputCount: { at: 30, takes: ['handle', 'out'], gives: 'status' },
  SessionGetOutputCount: { at: 31, takes: ['handle', 'out'], gives: 'status' },
  SessionGetInputTypeInfo: { at: 33, takes: ['handle', 'size', 'out'], gives: 'status' },
  SessionGetOutputTypeInfo: { at: 34, takes: ['handle', 'size', 'out'], gives: 'status' },
  SessionGetInputName: { at: 36, takes: ['handle', 'size', 'handle', 'out'], gives: 'status' },
  SessionGetOutputName: { at: 37, takes: ['handle', 'size', 'handle', 'out'], gives: 'status' },
  CreateRunOptions: { at: 39, takes: ['out'], gives: 'status' },
  RunOptionsSetTerminate: { at: 46, takes: ['handle'], gives: 'status' },
  CreateTensorWithDataAsOrtValue: {
    at: 49,
    takes: ['handle', 'memory', 'size', 'memory', 'size', 'int', 'out'],
    gives: 'status',
  },
  GetTensorMutableData: { at: 51, takes: ['handle', 'out'], gives: 'status' },
  CastTypeInfoToTensorInfo: { at: 55, takes: ['handle', 'out'], gives: 'status' },
  GetTensorElementType: { at: 60, takes: ['handle', 'out'], gives: 'status' },
  GetDimensionsCount: { at: 61, takes: ['handle', 'out'], gives: 'status' },
  GetDimensions: { at: 62, takes: ['handle', 'out', 'size'], gives: 'status' },
  GetSymbolicDimensions: { at: 63, takes: ['handle', 'out', 'size'], gives: 'status' },
  GetTensorTypeAndShape: { at: 65, takes: ['handle', 'out'], gives: 'status' },
  CreateMemoryInfo: { at: 68, takes: ['text', 'int', 'int', 'int', 'out'], gives: 'status' },
  AllocatorFree: { at: 76, takes: ['handle', 'handle'], gives: 'status' },
  GetAllocatorWithDefaultOptions: { at: 78, takes: ['out'], gives: 'status' },
  ReleaseStatus: { at: 93, takes: ['handle'], gives: 'void' },
  ReleaseMemoryInfo: { at: 94, takes: ['handle'], gives: 'void' },
  ReleaseSession: { at: 95, takes: ['handle'], gives: 'void' },
  ReleaseValue: { at: 96, takes: ['handle'], gives: 'void' },
  ReleaseRunOptions: { at: 97, takes: ['handle'], gives: 'void' },
  ReleaseTypeInfo: { at: 98, takes: ['handle'], gives: 'void' },
  ReleaseTensorTypeAndShapeInfo: { at: 99, takes: ['handle'], gives: 'void' },
  ReleaseSessionOptions: { at: 100, takes: ['handle'], gives: 'void' },
  AddSessionConfigEntry: { at: 130, takes: ['handle', 'text', 'text'], gives: 'status' },
  RunWithBinding: { at: 133, takes: ['handle', 'handle', 'handle'], gives: 'status' },
  CreateIoBinding: { at: 134, takes: ['handle', 'out'], gives: 'status' },
  ReleaseIoBinding: { at: 135, takes: ['handle'], gives: 'void' },
  BindInput: { at: 136, takes: ['handle', 'text', 'handle'], gives: 'status' },
  BindOutputToDevice: { at: 138, takes: ['handle', 'text', 'handle'], gives: 'status' },
  GetBoundOutputValues: { at: 140, takes: ['handle', 'handle', 'out', 'out'], gives: 'status' },
  ClearBoundInputs: { at: 141, takes: ['handle'], gives: 'void' },
  ClearBoundOutputs: { at: 142, takes: ['handle'], gives: 'void' },
  AddInitializer: { at: 150, takes: ['handle', 'text', 'handle'], gives: 'status' },
  AddRunConfigEntry: { at: 165, takes: ['handle', 'text', 'text'], gives: 'status' },
  SessionOptionsAppendExecutionProvider_TensorRT_V2: { at: 170, takes: ['handle', 'handle'], gives: 'status' },
  CreateTensorRTProviderOptions: { at: 171, takes: ['out'], gives: 'status' },
  UpdateTensorRTProviderOptions: { at: 172, takes: ['handle', 'texts', 'texts', 'size'], gives: 'status' },
  ReleaseTensorRTProviderOptions: { at: 174, takes: ['handle'], gives: 'void' },
  SessionOptionsAppendExecutionProvider_CUDA_V2: { at: 204, takes: ['handle', 'handle'], gives: 'status' },
  CreateCUDAProviderOptions: { at: 205, takes: ['out'], gives: 'status' },
  UpdateCUDAProviderOptions: { at: 206, takes: ['handle', 'texts', 'texts', 'size'], gives: 'status' },
  ReleaseCUDAProviderOptions: { at: 208, takes: ['handle'], gives: 'void' },
} as const satisfies Readonly<Record<string, TableEntry>>;

/** The version of the interface that is asked for: the newest whose entries are used, and older than the library's own. */
export const API_VERSION = 23;

/** The version of the library, to the patch: its providers are built from one commit with it. */
export const LIBRARY_VERSION = '1.30.0';

interface TableEntry {
  readonly at: number;
  readonly takes: readonly (keyof ArgumentTypes)[];
  readonly gives: 'status' | 'void' | 'int' | 'text';
}

/** An address in the runtime; null is none. */
export type Handle = bigint;

/** What stands for each kind of argument in TypeScript. */
interface ArgumentTypes {
  readonly handle: Handle | null;
  readonly memory: ArrayBufferView | Handle;
  readonly out: BigUint64Array | BigInt64Array;
  readonly size: number;
  readonly int: number;
  readonly text: string;
  readonly path: string;
  readonly texts: readonly string[];
}

type Arguments<Takes extends readonly (keyof ArgumentTypes)[]> = {
  -readonly [At in keyof Takes]: ArgumentTypes[Takes[At]];
};
interface Results {
  /** A status is looked at by the caller of the table: nothing is left of it but an error that is thrown. */
  readonly status: undefined;
  readonly void: undefined;
  readonly int: number;
  readonly text: string;
}

/** The table as functions. Those that give a status throw an `OnnxError` unless all went well. */
export type Api = {
  readonly [Name in keyof typeof API_TABLE]: (
    ...given: Arguments<(typeof API_TABLE)[Name]['takes']>
  ) => Results[(typeof API_TABLE)[Name]['gives']];
};
