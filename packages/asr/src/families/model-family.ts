import type { Binding, Device, GpuOptions } from '@murmuration/onnx';
import type { Dtype, PinnedFile } from '../models/model-files.js';
import type { Recognizer } from '../recognizer.js';

/** A model that lies ready to be loaded; crosses threads. */
export interface ResolvedModel {
  /** Public name. */
  readonly id: string;
  /** The id in letters, digits and dashes: the name of its queue. */
  readonly slug: string;
  /** Name of its family in the registry, `FAMILIES`. */
  readonly family: string;
  /** Where its files lie; '' for `simulated`, which has none. */
  readonly folder: string;
}

/** What a batch of the simulated device costs, milliseconds. */
export interface SimulatedCost {
  /** Of every batch. */
  readonly batchMs: number;
  /** Of every second of padded audio of every row. */
  readonly audioSecondMs: number;
  /** Of every row. */
  readonly rowMs: number;
}

/** How a model is loaded into one session. */
export interface LoadOptions {
  readonly model: ResolvedModel;
  readonly dtype: Dtype;
  /** `simulated` computes nothing: it takes the time of `simulatedCost`. */
  readonly device: Device | 'simulated';
  /** CUDA device number; default 0. */
  readonly deviceId?: number | undefined;
  /** How the runtime is reached; default: that of packages/onnx. */
  readonly binding?: Binding | undefined;
  /** How a CUDA card is used. */
  readonly gpu?: GpuOptions | undefined;
  /**
   * Whether the next batch is made ready (features, and with the native binding the encoder) while one is decoded. Default: on a graphics card only; on a
   * CPU, whose cores have sessions of their own, the two would take each other's time.
   */
  readonly ahead?: boolean | undefined;
  /** Threads inside one operator. */
  readonly threads: number;
  readonly simulatedCost?: SimulatedCost;
}

/** As a family loads a model: the device computes. */
export type FamilyLoadOptions = Omit<LoadOptions, 'device'> & { readonly device: Device };

/** A model that comes out of an npm package, and the only files that are taken for it. */
export interface PackagedModel {
  /** Folder under the model cache. */
  readonly folder: string;
  readonly files: readonly PinnedFile[];
  /** Where the files come from, for the message when they are missing. */
  readonly source: string;
}

/** A model that is known by name: where the hub keeps its export. */
export interface HubModel {
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** The commit that is taken; `main`: what the branch points at when the model is first fetched, which is then recorded. */
  readonly revision: string;
  /** Whether the export has the attentions that word times come from. */
  readonly wordTimes: boolean;
}

/** Everything in which families of models differ. A new family is a folder beside the others and a line in `families.ts`. */
export interface ModelFamily {
  /** Models out of npm packages, by name. */
  readonly packaged: Readonly<Record<string, PackagedModel>>;
  /** Models of the hub, by name. */
  readonly hubModels: Readonly<Record<string, HubModel>>;
  /** Other names of those models. */
  readonly hubAliases: Readonly<Record<string, string>>;
  /** Why a repository of the hub that states this family cannot be used; null where it can. */
  readonly hubRefusal: string | null;
  /** Checks that a folder holds what the family needs; null for a family that has no files. Throws `ModelFileFault` that names what is missing. */
  readonly checkFolder: ((folder: string, id: string) => Promise<void>) | null;
  /**
   * True where chunks of different padded lengths may share a batch: it costs them little, and no row's values change with the padding that a longer
   * mate brings.
   */
  readonly mixesLengths: boolean;
  /** Throws an error that says what is wrong with the model's files, the dtype or the device. */
  load(options: FamilyLoadOptions): Promise<Recognizer>;
}
