/** What there is of something that has a bound, when an owner asks for more of it. */
export interface Holdings {
  /** The bound. */
  readonly capacity: number;
  /** Of it, held by everybody. */
  readonly taken: number;
  /** Of that, held by the owner that asks. */
  readonly own: number;
  /** Owners that hold some, the one that asks included. */
  readonly holders: number;
  /** Owners that may come at all; 1 where there is nobody to share with. */
  readonly owners: number;
}

/**
 * The one rule of sharing: may the owner have `amount` more? While no more than half is taken, anybody may have what is free. Beyond, an owner may
 * have no more than an equal share, where one share is kept for whoever comes next; so no owner by itself takes more than half, and
 * one that comes late still gets a place. An owner that holds nothing gets its first as long as anything is free.
 */
export function mayTake({ capacity, taken, own, holders, owners }: Holdings, amount: number): boolean {
  if (taken + amount > capacity) return false;
  if (owners <= 1 || own === 0 || taken + amount <= capacity / 2) return true;
  return own + amount <= capacity / Math.min(holders + 1, owners);
}

/** A number of places in this process that owners share. */
export class SharedPlaces {
  readonly #capacity: number;
  readonly #owners: () => number;
  readonly #held = new Map<string | null, number>();
  #taken = 0;

  /** @param owners how many may come at all */
  constructor(capacity: number, owners: () => number) {
    this.#capacity = capacity;
    this.#owners = owners;
  }

  get taken(): number {
    return this.#taken;
  }

  /** True when more than half of the places are taken. */
  get scarce(): boolean {
    return this.#taken > this.#capacity / 2;
  }

  /** Takes a place; what comes back gives it free, once. Null when there is none for this owner. */
  take(owner: string | null): (() => void) | null {
    const own = this.#held.get(owner) ?? 0;
    const holders = this.#held.size + (own === 0 ? 1 : 0);
    if (!mayTake({ capacity: this.#capacity, taken: this.#taken, own, holders, owners: this.#owners() }, 1))
      return null;
    this.#taken += 1;
    this.#held.set(owner, own + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#taken -= 1;
      const left = (this.#held.get(owner) ?? 1) - 1;
      if (left === 0) this.#held.delete(owner);
      else this.#held.set(owner, left);
    };
  }
}
