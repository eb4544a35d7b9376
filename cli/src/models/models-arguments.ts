export const DTYPES = ['auto', 'fp32', 'fp16', 'int8'] as const;

/** What a command of the group is given. */
export interface ModelsArguments {
  readonly names: readonly string[];
  readonly dtype: (typeof DTYPES)[number];
  readonly json: boolean;
}
