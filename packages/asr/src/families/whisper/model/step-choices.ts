import { float32Initializer, onnxNode, rawInitializer, valueInfo, type OnnxGraph } from '@murmuration/onnx';

/** Names of what the graph of further steps takes and gives for the choice of a token. */
export const CHOICES = {
  /** Int32 [rows, 1, 3]: `TailLimits`, as tokens. */
  limits: 'tail_limits',
  /** Int64 [rows, 1, 3]: the likeliest text, end and time of those allowed; ends and times counted from the end of the text on. */
  choices: 'choices',
  /** Float32 [rows, 1, 4]: their log-probabilities, and that of all times together; -1e30 where there is none. */
  choiceLogprobs: 'choice_logprobs',
} as const;

/** Less likely than anything. Infinity would make the sum over no times at all no number. */
const NOTHING = -1e30;

/** Scores that the graph has already, by name, and what they are of. */
interface ScoreNames {
  readonly bestText: string;
  readonly bestTextLogprob: string;
  readonly tail: string;
  readonly endOfText: number;
  readonly vocabularySize: number;
  readonly suppressTail: readonly number[];
}

/**
 * Finds, of the vocabulary from the end of the text on, the likeliest end and the likeliest time that may follow, and how likely all times are together:
 * what `withinLimits` does, so that 60 bytes a row and step travel between graph and host instead of 6.4 KB.
 */
export function addChoices(
  graph: OnnxGraph,
  { bestText, bestTextLogprob, tail, endOfText, vocabularySize, suppressTail }: ScoreNames,
): void {
  const size = vocabularySize - endOfText;
  const add = (opType: string, inputs: string[], output: string, attributes = {}): string => {
    graph.nodes.push(onnxNode(opType, inputs, [output], attributes));
    return output;
  };
  const integers = (name: string, values: readonly number[]): string =>
    add('Constant', [], name, { value_ints: values });
  const floats = (name: string, dims: readonly number[], values: Float32Array): string => {
    graph.initializers.set(name, float32Initializer(name, dims, values));
    return name;
  };
  const tokens = Int32Array.from({ length: size }, (_, at) => endOfText + at);
  graph.initializers.set('tail_tokens', rawInitializer('tail_tokens', [size], 'int32', new Uint8Array(tokens.buffer)));
  const mask = new Float32Array(size);
  for (const token of suppressTail) mask[token - endOfText] = NOTHING;
  const open = add('Add', [tail, floats('tail_mask', [size], mask)], 'open_tail_logprobs');
  const nothing = floats('nothing', [], Float32Array.of(NOTHING));
  const axis = integers('limit_axis', [2]);
  const isBelow = (at: number): string => {
    const bounds = [integers(`limit_${String(at)}_begin`, [at]), integers(`limit_${String(at)}_end`, [at + 1])];
    const limit = add('Slice', [CHOICES.limits, ...bounds, axis], `limit_${String(at)}`);
    return add('Less', ['tail_tokens', limit], `below_limit_${String(at)}`);
  };
  const within = (condition: string, name: string): string => add('Where', [condition, open, nothing], name);
  const ends = within(isBelow(0), 'open_ends');
  const fromFirstTime = add('Not', [isBelow(1)], 'from_first_time');
  const times = within(add('And', [fromFirstTime, isBelow(2)], 'among_times'), 'open_times');
  const likeliest = (of: string): string => add('ArgMax', [of], `${of}_best`, { axis: -1, keepdims: 1 });
  const logprob = (of: string): string => add('ReduceMax', [of], `${of}_best_logprob`, { axes: [-1], keepdims: 1 });
  const together = add('ReduceLogSumExp', [times], 'times_logprob', { axes: [-1], keepdims: 1 });
  add('Concat', [bestText, likeliest(ends), likeliest(times)], CHOICES.choices, { axis: 2 });
  add('Concat', [bestTextLogprob, logprob(ends), logprob(times), together], CHOICES.choiceLogprobs, { axis: 2 });
  graph.inputs.push(valueInfo(CHOICES.limits, 'int32', ['rows', 1, 3]));
  graph.outputs.push(
    valueInfo(CHOICES.choices, 'int64', ['rows', 1, 3]),
    valueInfo(CHOICES.choiceLogprobs, 'float32', ['rows', 1, 4]),
  );
}
