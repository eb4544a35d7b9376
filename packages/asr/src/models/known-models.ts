import { FAMILIES } from '../families/registry.js';
import type { HubModel, PackagedModel } from '../families/model-family.js';

/** Models that come out of an npm package, of all families. */
export const PACKAGED_MODELS: Readonly<Record<string, PackagedModel & { readonly family: string }>> =
  Object.fromEntries(
    Object.entries(FAMILIES).flatMap(([family, { packaged }]) =>
      Object.entries(packaged).map(([name, model]) => [name, { ...model, family }]),
    ),
  );

/** Models of the hub that are known by name, of all families. */
export const HUB_MODELS: Readonly<Record<string, HubModel>> = Object.assign(
  {},
  ...Object.values(FAMILIES).map(({ hubModels }) => hubModels),
) as Record<string, HubModel>;

const ALIASES: Readonly<Record<string, string>> = Object.assign(
  {},
  ...Object.values(FAMILIES).map(({ hubAliases }) => hubAliases),
) as Record<string, string>;

/** A model of the hub, as it was asked for. */
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
 * `@revision`. Returns null for what is neither.
 */
export function readHubReference(asked: string): HubReference | null {
  const at = asked.indexOf('@');
  const name = at === -1 ? asked : asked.slice(0, at);
  const revision = at === -1 ? null : asked.slice(at + 1);
  if (revision !== null && !REVISION.test(revision)) return null;
  const plain = name.startsWith('whisper-') ? name.slice('whisper-'.length) : name;
  const id = Object.hasOwn(ALIASES, plain) ? (ALIASES[plain] ?? plain) : plain;
  const known = Object.hasOwn(HUB_MODELS, id) ? HUB_MODELS[id] : undefined;
  if (known !== undefined) return { id, repository: known.repository, revision: revision ?? known.revision };
  return HUB_ID.test(name) && !name.includes('..')
    ? { id: name, repository: name, revision: revision ?? 'main' }
    : null;
}

/** A full commit: what it points at never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
