import { z } from 'zod';
import { ERRORS, type AsrError, type ErrorCode } from '@murmuration/contracts';

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
const TYPES = [...new Set(Object.values(ERRORS).map((kind) => kind.type))];

/** OpenAI's shape of an error. */
export const errorBodySchema = z.object({
  error: z.object({
    message: z.string().describe('A sentence that says what to do.'),
    type: z.enum(TYPES),
    param: z.string().nullable().describe('The field at fault.'),
    code: z.enum(CODES).describe('Stable: clients may branch on it.'),
  }),
}).meta({ id: 'Error', description: 'What went wrong, in the shape of OpenAI\'s API. See docs/errors.md.' });

export type ErrorBody = z.infer<typeof errorBodySchema>;

export function errorBody(error: AsrError): ErrorBody {
  return { error: { message: error.message, type: error.kind.type, param: error.param, code: error.code } };
}
