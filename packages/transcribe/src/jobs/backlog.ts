import type { Lane } from '@murmuration/contracts';
import { storeCall, type JobsInProgress, type UnfinishedJob } from '@murmuration/store';

const FRESH_MS = 1_000;
/** Looking takes this share of the time at most, however many jobs there are. */
const LOOK_SHARE = 1 / 20;

/** What a model's jobs have left to do, seen once. */
export class BacklogView {
  readonly #jobs: readonly UnfinishedJob[];
  readonly #lanes: Readonly<Record<'urgent' | 'batch', LaneBacklog>>;

  constructor(jobs: readonly UnfinishedJob[]) {
    this.#jobs = jobs;
    const lefts = (batch: boolean): LaneBacklog =>
      new LaneBacklog(jobs.filter((job) => (job.lane === 'batch') === batch).map((job) => job.leftMs));
    this.#lanes = { urgent: lefts(false), batch: lefts(true) };
  }

  /** Audio that work of this lane may have to wait for, milliseconds: its own lane and what goes before it. */
  aheadMs(lane: Lane): number {
    return this.#lanes.urgent.totalMs + (lane === 'batch' ? this.#lanes.batch.totalMs : 0);
  }

  /** Of `aheadMs`, what each owner's is. */
  ownersAheadMs(lane: Lane): Map<string | null, number> {
    const owners = new Map<string | null, number>();
    for (const job of this.#jobs) {
      if (job.leftMs > 0 && (lane === 'batch' || job.lane !== 'batch'))
        owners.set(job.owner, (owners.get(job.owner) ?? 0) + job.leftMs);
    }
    return owners;
  }

  /** Audio that is transcribed before a job of this lane with so much left is done, milliseconds: jobs of a lane progress together, so of each other one as much as its own. */
  untilDoneMs(lane: Lane, leftMs: number): number {
    return lane === 'batch'
      ? this.#lanes.urgent.totalMs + this.#lanes.batch.upToMs(leftMs)
      : this.#lanes.urgent.upToMs(leftMs);
  }
}

/** What jobs of one lane have left, smallest first, with the sums up to each. */
class LaneBacklog {
  readonly #lefts: readonly number[];
  readonly #sums: readonly number[];

  constructor(lefts: readonly number[]) {
    this.#lefts = [...lefts].sort((left, right) => left - right);
    let sum = 0;
    this.#sums = this.#lefts.map((left) => {
      sum += left;
      return sum;
    });
  }

  get totalMs(): number {
    return this.#sums.at(-1) ?? 0;
  }

  /** Sum over all jobs of what each has left, but no more of any than `limitMs`. */
  upToMs(limitMs: number): number {
    let low = 0;
    let high = this.#lefts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lefts[middle] ?? 0) < limitMs) low = middle + 1;
      else high = middle;
    }
    return (this.#sums[low - 1] ?? 0) + (this.#lefts.length - low) * limitMs;
  }
}

/** The backlog of every model, looked at once a second at most. */
export class Backlog {
  readonly #jobs: Pick<JobsInProgress, 'unfinished'>;
  readonly #seen = new Map<string, { readonly view: BacklogView; readonly freshUntilMs: number }>();
  readonly #looking = new Map<string, Promise<BacklogView>>();

  constructor(jobs: Pick<JobsInProgress, 'unfinished'>) {
    this.#jobs = jobs;
  }

  /** Throws `backend_unavailable`. */
  async of(slug: string): Promise<BacklogView> {
    const seen = this.#seen.get(slug);
    if (seen !== undefined && performance.now() < seen.freshUntilMs) return seen.view;
    let looking = this.#looking.get(slug);
    if (looking === undefined) {
      looking = this.#look(slug).finally(() => {
        this.#looking.delete(slug);
      });
      this.#looking.set(slug, looking);
    }
    return looking;
  }

  async #look(slug: string): Promise<BacklogView> {
    const startedMs = performance.now();
    const view = new BacklogView(await storeCall(() => this.#jobs.unfinished(slug), LOOK_LIMIT_MS));
    const now = performance.now();
    this.#seen.set(slug, { view, freshUntilMs: now + Math.max(FRESH_MS, (now - startedMs) / LOOK_SHARE) });
    return view;
  }
}

const LOOK_LIMIT_MS = 5_000;

/** What is told to wait when no worker is up, seconds. */
const WAIT_UNKNOWN_S = 60;
const LONGEST_WAIT_S = 3_600;

/** What is told to wait where room comes when some work ends: a full store, an owner that has its share; seconds. */
export const WAIT_FOR_ROOM_S = 10;

/**
 * `Retry-After` of a submission that finds too much work ahead, whole seconds, 1 to 3,600. Waits that are always the same stand with their errors
 * (`ERRORS` of contracts).
 * @param overMs audio beyond what is admitted, milliseconds @param speed audio seconds a second of all workers of the model; 0: none is up
 */
export function secondsUntilRoom(overMs: number, speed: number): number {
  if (speed === 0) return WAIT_UNKNOWN_S;
  return Math.min(LONGEST_WAIT_S, Math.max(1, Math.ceil(overMs / 1_000 / speed)));
}
