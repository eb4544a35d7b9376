import { SharedPlaces } from '@murmuration/access';
import { AsrError } from '@murmuration/contracts';

/** When a client that found every place taken is to ask again, seconds: uploads end at any time. */
const FULL_RETRY_S = 5;

/** Bounds the uploads that one node works on at once; owners share them while they are scarce. */
export class ActiveUploads {
  readonly #places: SharedPlaces;

  /** @param owners how many may come at all */
  constructor(limit: number, owners: () => number) {
    this.#places = new SharedPlaces(limit, owners);
  }

  get count(): number {
    return this.#places.taken;
  }

  /** True when most places are taken: then uploads must come at a rate. */
  get scarce(): boolean {
    return this.#places.scarce;
  }

  /** Runs the work when there is room for this owner. Throws `queue_full` otherwise. */
  async run<T>(owner: string | null, work: () => Promise<T>): Promise<T> {
    const leave = this.#places.take(owner);
    if (leave === null)
      throw new AsrError(
        'queue_full',
        "This server has as many uploads as it takes, or as many as it takes of one API key's owner while they are scarce. Wait for the seconds in Retry-After, then send it again.",
        { retryAfterSeconds: FULL_RETRY_S },
      );
    try {
      return await work();
    } finally {
      leave();
    }
  }
}
