/** How the hub is reached; named as Hugging Face's own tools name it. */
export interface HubSettings {
  /** `HF_ENDPOINT`: the hub or a mirror of it, http(s). */
  readonly endpoint: string;
  /** `HF_TOKEN`; sent to the endpoint only, never to where it redirects to. */
  readonly token: string | null;
  /** `HF_HUB_OFFLINE`: never ask the hub; what is not in the cache is missing. */
  readonly offline: boolean;
  /** Wait before try number `attempt` (1, 2, …) after a failure, milliseconds; default: 1 s, doubled up to 30 s. */
  readonly pauseMs?: (attempt: number) => number;
  /** A connection that brings nothing for this long is given up, milliseconds; default 30 s. */
  readonly stallMs?: number;
}

/** The hub cannot be reached or does not serve what it should. A later try may help. Its message names the host, never a token. */
export class HubFault extends Error {
  override readonly name = 'HubFault';
}
