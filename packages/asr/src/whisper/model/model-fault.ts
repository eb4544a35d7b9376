import { ModelFileFault } from '../../models/model-file-fault.js';

/** What is wrong with a model's folder. */
export type ModelFaultCode = 'model_file_missing' | 'model_file_invalid' | 'model_dtype_missing' | 'model_not_whisper' | 'model_device_unavailable';

/** A model that cannot be loaded. No retry helps: the folder or the setting must change. Its message names the file (relative to the model's folder), what was expected and what was found. */
export class ModelFault extends ModelFileFault {
  readonly code: ModelFaultCode;

  constructor(code: ModelFaultCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
