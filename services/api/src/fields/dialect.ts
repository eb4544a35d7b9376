import type { z } from 'zod';
import type { TranscribeOptions } from '@murmuration/contracts';
import type { FieldBag } from './field-bag.js';

/** How one door names its fields. */
export interface FieldReader<Fields> {
  /** Fields that may come more than once. */
  readonly lists: readonly string[];
  /** The schema that validates and that the API description is made from. */
  readonly schema: z.ZodType;
  /** True when a field that is not known is an error. */
  readonly strict: boolean;
  /** Reads what has come so far. Throws `AsrError` naming the field. */
  read(bag: FieldBag): Fields;
}

/** The fields of a door that answers with the transcript: what is asked of the model, and how the answer is to look. */
export type Dialect<Answer> = FieldReader<ReadFields<Answer>>;

export interface ReadFields<Answer> {
  readonly options: TranscribeOptions;
  readonly answer: Answer;
}
