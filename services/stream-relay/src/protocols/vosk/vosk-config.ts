import { z } from 'zod';
import { AsrError } from '@murmuration/contracts';

/** What a client of vosk-server may set. */
export interface VoskConfig {
  readonly sampleRateHz: number;
  /** Words to favour. */
  readonly phrases: readonly string[];
  /** Results have a list of words with their times. */
  readonly words: boolean;
  /** 0: results are plain; above, they are alternatives (of which there is one). */
  readonly maxAlternatives: number;
}

/** The server's own defaults (vosk-server, `asr_server.py`). */
export const DEFAULT_CONFIG: VoskConfig = { sampleRateHz: 8_000, phrases: [], words: true, maxAlternatives: 0 };

const messageSchema = z.object({
  config: z.object({
    sample_rate: z.coerce.number().min(8_000).max(192_000).optional(),
    phrase_list: z.array(z.string().max(1_000)).max(10_000).optional(),
    words: z.union([z.boolean(), z.number()]).optional(),
    max_alternatives: z.coerce.number().int().min(0).max(100).optional(),
  }),
});

const orderSchema = z.object({ eof: z.unknown().optional(), reset: z.unknown().optional() });

/** `eof` or `reset` where the message asks for it, however it is spaced and with `true` as well as 1; null for any other message. */
export function voskOrder(message: string): 'eof' | 'reset' | null {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return null;
  }
  const { eof, reset } = orderSchema.safeParse(value).data ?? {};
  if (eof === 1 || eof === true) return 'eof';
  return reset === 1 || reset === true ? 'reset' : null;
}

/** Reads `{"config": {…}}` over what was set before. Throws `invalid_message`. */
export function voskConfig(message: string, before: VoskConfig): VoskConfig {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    throw new AsrError('invalid_message', 'A text message is {"config": …}, {"eof" : 1} or {"reset" : 1}.');
  }
  const result = messageSchema.safeParse(value);
  if (!result.success)
    throw new AsrError(
      'invalid_message',
      `The message has a wrong ${(result.error.issues[0]?.path ?? []).map(String).join('.').slice(0, 80) || 'shape'}.`,
    );
  const { sample_rate: rate, phrase_list: phrases, words, max_alternatives: alternatives } = result.data.config;
  return {
    sampleRateHz: rate === undefined ? before.sampleRateHz : Math.round(rate),
    phrases: phrases ?? before.phrases,
    words: words === undefined ? before.words : Boolean(words),
    maxAlternatives: alternatives ?? before.maxAlternatives,
  };
}
