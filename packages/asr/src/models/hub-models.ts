/** A Whisper that is known by name: where the hub keeps its export. */
export interface HubModel {
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** The commit that is taken; `main`: what the branch points at when the model is first fetched, which is then recorded. */
  readonly revision: string;
  /** Whether the export has the attentions that word times come from. */
  readonly wordTimes: boolean;
}

const TIMED = { wordTimes: true };
const UNTIMED = { wordTimes: false };

/** Whisper's names. Exports with attentions (`_timestamped`) are taken where they exist. */
export const HUB_MODELS: Readonly<Record<string, HubModel>> = {
  'tiny': { repository: 'onnx-community/whisper-tiny_timestamped', revision: '517244293732ee2d58139af5814231b7e6830a0d', ...TIMED },
  'tiny.en': { repository: 'onnx-community/whisper-tiny.en_timestamped', revision: 'aeaa13760958b03fac5062f457d317d3319c3168', ...TIMED },
  'base': { repository: 'onnx-community/whisper-base_timestamped', revision: '608c49e61301901684bc36cac8f74b95ff6b5a8e', ...TIMED },
  'base.en': { repository: 'onnx-community/whisper-base.en_timestamped', revision: 'main', ...TIMED },
  'small': { repository: 'onnx-community/whisper-small_timestamped', revision: '65caa70f294b46e1c33ff820aae6b16d048ab818', ...TIMED },
  'small.en': { repository: 'onnx-community/whisper-small.en_timestamped', revision: '390528d8674b71ea7651a389932719d1de78d186', ...TIMED },
  'medium': { repository: 'onnx-community/whisper-medium_timestamped', revision: 'main', ...TIMED },
  'medium.en': { repository: 'onnx-community/whisper-medium.en_timestamped', revision: '475d02b986111e8e2d28206d82e64bb820f5c6db', ...TIMED },
  'large-v1': { repository: 'Xenova/whisper-large', revision: '451f4b004423a67138e1d510de9c7cd904c259e7', ...UNTIMED },
  'large-v2': { repository: 'Xenova/whisper-large-v2', revision: 'main', ...UNTIMED },
  'large-v3': { repository: 'onnx-community/whisper-large-v3_timestamped', revision: 'main', ...TIMED },
  'large-v3-turbo': { repository: 'onnx-community/whisper-large-v3-turbo_timestamped', revision: 'b3f77bf9a8c4d5ea3415827033d1ffea7955fd9a', ...TIMED },
  'distil-small.en': { repository: 'onnx-community/distil-small.en', revision: '69be759f982d1d4c5b8a987d4140752742619bd0', ...UNTIMED },
  'distil-medium.en': { repository: 'onnx-community/distil-medium.en_timestamped', revision: 'd704e107ffa44ed520b66457d7ca8422b07b9605', ...TIMED },
  'distil-large-v2': { repository: 'distil-whisper/distil-large-v2', revision: 'main', ...UNTIMED },
  'distil-large-v3': { repository: 'distil-whisper/distil-large-v3', revision: 'main', ...UNTIMED },
  'distil-large-v3.5': { repository: 'onnx-community/distil-large-v3.5-ONNX', revision: 'main', ...UNTIMED },
};

/** Other names of the same models, as Whisper's own tools use them. */
const ALIASES: Readonly<Record<string, string>> = { large: 'large-v3', turbo: 'large-v3-turbo' };

/** A model of the hub, as somebody asked for it. */
export interface HubReference {
  /** Public name: the known name, or the hub id. */
  readonly id: string;
  readonly repository: string;
  /** A commit, a branch or a tag. */
  readonly revision: string;
}

// What the hub allows in names; no path can be made of it.
const HUB_ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;
const REVISION = /^(?!.*\.\.)[\w./-]{1,128}$/;

/**
 * Reads a known name (`base`, `whisper-base`, `turbo`) or a hub id (`onnx-community/whisper-base_timestamped`), either with
 * `@revision`. Answers null for what is neither.
 */
export function readHubReference(asked: string): HubReference | null {
  const at = asked.indexOf('@');
  const name = at === -1 ? asked : asked.slice(0, at);
  const revision = at === -1 ? null : asked.slice(at + 1);
  if (revision !== null && !REVISION.test(revision)) return null;
  const plain = name.startsWith('whisper-') ? name.slice('whisper-'.length) : name;
  const id = Object.hasOwn(ALIASES, plain) ? ALIASES[plain] ?? plain : plain;
  const known = Object.hasOwn(HUB_MODELS, id) ? HUB_MODELS[id] : undefined;
  if (known !== undefined) return { id, repository: known.repository, revision: revision ?? known.revision };
  return HUB_ID.test(name) && !name.includes('..') ? { id: name, repository: name, revision: revision ?? 'main' } : null;
}

/** A full commit: what it points at never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
