import {
  decodeOptionsSchema,
  recognitionSchema,
  type DecodeOptions,
  type Lane,
  type LiveEventBody,
  type Recognition,
  type Word,
  type SessionId,
  type UtteranceNumber,
} from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { liveItemKeys, liveKeys } from '../keys.js';
import { loadScript, runLua } from '../redis-commands.js';
import { HeldItems, type HeldItem, type ItemTrouble, type Taken } from '../work/held-items.js';
import type { TicketQueues } from '../work/ticket-queue.js';
import { readLivePcm, type LivePcm } from './live-pcm.js';
import type { PlannedUtterance } from './live-record.js';

const giveFinal = loadScript('give-final');
const beginPartial = loadScript('begin-partial');
const takePartial = loadScript('take-partial');

/** An utterance that this worker holds, to make its final. */
export interface LiveItem extends HeldItem<SessionId> {
  readonly planned: PlannedUtterance;
  /** What was made of this very audio while the utterance rested, or null. */
  readonly early: Recognition | null;
}

/** A partial that this worker has picked up. */
export interface PickedPartial {
  readonly session: SessionId;
  readonly utterance: UtteranceNumber;
  readonly revision: number;
  readonly decode: DecodeOptions;
  readonly startSamples: number;
  readonly endSamples: number;
  readonly speechStartSamples: number;
  readonly pcm: Buffer;
  /** What the partial before said, and what of it was declared stable. */
  readonly textBefore: string;
  readonly stableBefore: string;
  /** True while silence lasts that may become the utterance's end: then its final covers this very audio. */
  readonly resting: boolean;
  /** False where partials are not told. */
  readonly interim: boolean;
}

/** What was made of an utterance's audio while it rested. */
export interface EarlyText {
  readonly utterance: UtteranceNumber;
  readonly startSamples: number;
  readonly samples: number;
  readonly recognition: Recognition;
}

export type FinalBody = Omit<Extract<LiveEventBody, { type: 'final' }>, 'type'>;

/** What is told of a partial. */
export interface PartialBody {
  readonly utterance: UtteranceNumber;
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly stableChars: number;
  readonly words: readonly Word[];
}

/** Live work as a worker sees it: utterances, whose states stand in `HeldItems`, and partials, which are picked up, run and taken once. Throws what Redis throws. */
export class LiveItems {
  readonly #redis: Redis;
  readonly #held: HeldItems<SessionId>;

  /** Takes what `HeldItems` takes. */
  constructor(redis: Redis, queues: TicketQueues, slug: string, trouble?: ItemTrouble) {
    this.#redis = redis;
    this.#held = new HeldItems(redis, queues, slug, liveItemKeys, trouble);
  }

  /** Takes the next utterance by a ticket, and queues the session's next ticket while there are more: each goes to the worker that is free first. */
  async take(ticket: { readonly job: SessionId; readonly ticket: number }): Promise<LiveItem[]> {
    const taken = await this.#held.take(ticket, 1, Number.MAX_SAFE_INTEGER);
    return taken.map(({ planned: text, before, ...item }) => {
      const planned = JSON.parse(text) as PlannedUtterance;
      return {
        ...item,
        planned,
        early: earlyOf(before, planned),
        ...(planned.trace === undefined ? {} : { trace: planned.trace }),
      };
    });
  }

  /** Says that the run of some utterances of one session begins: should the worker die now, they are under suspicion. Throws nothing. */
  async begin(items: readonly HeldItem<SessionId>[]): Promise<void> {
    await this.#held.begin(items);
  }

  /** Its audio; silence in place of what was lost. */
  pcm({ job, planned: { startSamples, samples } }: LiveItem): Promise<LivePcm> {
    return readLivePcm(this.#redis, liveKeys(job).pcm, startSamples, startSamples + samples);
  }

  /** Takes the final once; it is told when all before it are. @param error told before it, when it failed */
  async give(
    item: LiveItem,
    body: FinalBody,
    error: Extract<LiveEventBody, { type: 'error' }>['error'] | null,
  ): Promise<Taken> {
    const keys = liveKeys(item.job);
    const [ticket, first, lane, taken] = (await runLua(
      this.#redis,
      giveFinal,
      [keys.session, keys.utterances, keys.pending, keys.tries, keys.results, keys.events, keys.pcm],
      [
        item.index,
        item.fence,
        JSON.stringify(item.planned),
        JSON.stringify(body),
        body.language ?? '',
        error === null ? '' : JSON.stringify({ error }),
        keys.wake,
      ],
    )) as [number, number, Lane, Taken];
    await this.#held.queueNext({ id: item.job, lane }, ticket, first);
    return taken;
  }

  /** The utterance as far as it goes by now. Null when it has ended, or a newer partial is wanted. */
  async pickUpPartial(session: SessionId, utterance: UtteranceNumber, revision: number): Promise<PickedPartial | null> {
    const keys = liveKeys(session);
    const begun = (await runLua(this.#redis, beginPartial, [keys.session], [utterance, revision])) as
      [string, string, string, string, string, string, string, string] | null;
    if (begun === null) return null;
    const [start, end, speech, decode, textBefore, stableBefore, resting, interim] = begun;
    const startSamples = Number(start);
    const endSamples = Number(end);
    const { pcm, missingSamples } = await readLivePcm(this.#redis, keys.pcm, startSamples, endSamples);
    // Its final tells what was lost.
    if (missingSamples > 0) return null;
    return {
      session,
      utterance,
      revision,
      startSamples,
      endSamples,
      speechStartSamples: Number(speech),
      pcm,
      textBefore,
      stableBefore,
      resting: resting === '1',
      interim: interim === '1',
      decode: decodeOptionsSchema.parse(JSON.parse(decode)),
    };
  }

  /**
   * Publishes a partial, or with null says that nothing came of it. False when it was overtaken.
   * @param early what an utterance that rests was recognized as: its final's text, should it end there
   */
  async finishPartial(
    picked: Pick<PickedPartial, 'session' | 'utterance' | 'revision'>,
    body: PartialBody | null,
    early: EarlyText | null = null,
  ): Promise<boolean> {
    const keys = liveKeys(picked.session);
    return (
      (await runLua(
        this.#redis,
        takePartial,
        [keys.session, keys.events],
        [
          picked.utterance,
          picked.revision,
          body === null ? '' : JSON.stringify(body),
          body?.text ?? '',
          body?.text.slice(0, body.stableChars) ?? '',
          keys.wake,
          early === null ? '' : JSON.stringify(early),
        ],
      )) === 1
    );
  }
}

function earlyOf(text: string, planned: PlannedUtterance): Recognition | null {
  if (text === '') return null;
  const early = JSON.parse(text) as EarlyText;
  if (
    early.utterance !== planned.utterance ||
    early.startSamples !== planned.startSamples ||
    early.samples !== planned.samples
  )
    return null;
  const recognition = recognitionSchema.safeParse(early.recognition);
  return recognition.success ? recognition.data : null;
}
