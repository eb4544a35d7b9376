/** A stretch of a window's tokens with its time, in steps of 20 ms from the window's start. */
export interface TimedTokens {
  readonly startStep: number;
  readonly endStep: number;
  /** Text and times as written. */
  readonly tokens: readonly number[];
  /** Place of the first of them in the window's tokens. */
  readonly firstToken: number;
}

export interface WindowSegments {
  readonly segments: readonly TimedTokens[];
  /** Where the next window begins, in steps from this one's start: the last time after which the text was cut, or the window's length. */
  readonly nextStep: number;
}

/**
 * Splits what was written for a window at its pairs of times, and says where to go on, as the reference does
 * (openai/whisper's transcribe, as transformers 4.57 implements it): text after the last pair without a closing time is dropped and written again from there.
 * @param windowSteps length of the window's content in steps of 20 ms
 */
export function splitSegments(tokens: readonly number[], firstTimestamp: number, windowSteps: number): WindowSegments {
  const isTime = (index: number): boolean => (tokens[index] ?? 0) >= firstTimestamp;
  const stepOf = (index: number): number => (tokens[index] ?? firstTimestamp) - firstTimestamp;
  const cuts: number[] = [];
  for (let i = 1; i < tokens.length; i++) if (isTime(i - 1) && isTime(i)) cuts.push(i);
  const closed = tokens.length >= 2 && isTime(tokens.length - 1) && !isTime(tokens.length - 2);
  const lastCut = cuts.at(-1);
  if (lastCut === undefined) {
    const last = tokens.findLastIndex((_, index) => isTime(index));
    const endStep = last >= 0 && stepOf(last) !== 0 ? stepOf(last) : windowSteps;
    return {
      segments: tokens.length === 0 ? [] : [{ startStep: 0, endStep, tokens, firstToken: 0 }],
      nextStep: windowSteps,
    };
  }
  // Without a closing time the second time of the last pair stays with the last segment: it only says that more was to come.
  const ends = closed ? [...cuts, tokens.length] : [...cuts.slice(0, -1), lastCut + 1];
  const segments = ends.map((end, i): TimedTokens => {
    const begin = i === 0 ? 0 : (ends[i - 1] ?? 0);
    const closing = i === ends.length - 1 && !closed ? end - 2 : end - 1;
    return { startStep: stepOf(begin), endStep: stepOf(closing), tokens: tokens.slice(begin, end), firstToken: begin };
  });
  return { segments, nextStep: closed ? windowSteps : stepOf(lastCut - 1) };
}
