import {
  decodeOptionsSchema,
  recognitionSchema,
  type DecodeOptions,
  type LiveEventBody,
  type Recognition,
  type Word,
} from '@murmuration/contracts';
import type { Redis } from '../connections.js';
import { liveKeys } from '../keys.js';
import { loadScript, runLua } from '../lua-script.js';
import { readLivePcm } from './live-pcm.js';
import type { PlannedUtterance } from './planned-utterance.js';

const beginFinal = loadScript('begin-final');
const runFinal = loadScript('run-final');
const takeFinal = loadScript('take-final');
const beginPartial = loadScript('begin-partial');
const takePartial = loadScript('take-partial');

/** A final that this worker has picked up. */
export interface PickedFinal {
  readonly session: string;
  /** Counts the times it was picked up; only the newest may write. */
  readonly fence: number;
  /** Times it was in a batch that never ended, because its worker died. */
  readonly crashes: number;
  readonly decode: DecodeOptions;
  readonly planned: PlannedUtterance;
  /** Silence in place of what was lost. */
  readonly pcm: Buffer;
  readonly missingSamples: number;
  /** What was made of this very audio while the utterance rested, or null. */
  readonly early: Recognition | null;
}

/** A partial that this worker has picked up. */
export interface PickedPartial {
  readonly session: string;
  readonly utterance: number;
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
  readonly utterance: number;
  readonly startSamples: number;
  readonly samples: number;
  readonly recognition: Recognition;
}

export type FinalBody = Omit<Extract<LiveEventBody, { type: 'final' }>, 'type'>;

/** What is told of a partial. */
export interface PartialBody {
  readonly utterance: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly stableChars: number;
  readonly words: readonly Word[];
}

/** Live work as a worker sees it: picked up, run, taken once. Throws what Redis throws. */
export class LiveItems {
  readonly #redis: Redis;

  /** The connection stays the caller's. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Null when nobody waits for it any more. */
  async pickUpFinal(session: string, utterance: number): Promise<PickedFinal | null> {
    const keys = liveKeys(session);
    const begun = (await runLua(
      this.#redis,
      beginFinal,
      [keys.session, keys.utterances, keys.tries, keys.results],
      [utterance],
    )) as [number, number, string, string, string] | null;
    if (begun === null) return null;
    const [fence, crashes, decode, text, early] = begun;
    const planned = JSON.parse(text) as PlannedUtterance;
    const { pcm, missingSamples } = await readLivePcm(
      this.#redis,
      keys.pcm,
      planned.startSamples,
      planned.startSamples + planned.samples,
    );
    return {
      session,
      fence,
      crashes,
      planned,
      pcm,
      missingSamples,
      early: earlyOf(early, planned),
      decode: decodeOptionsSchema.parse(JSON.parse(decode)),
    };
  }

  /** Says that the final's batch begins: should the worker die now, it is under suspicion. Not waited for. */
  beginRun(session: string, utterance: number): void {
    const keys = liveKeys(session);
    runLua(this.#redis, runFinal, [keys.session, keys.utterances, keys.tries], [utterance]).catch(() => undefined);
  }

  /** Takes the final once; it is told when all before it are. @param error told before it, when it failed */
  async finishFinal(
    picked: PickedFinal,
    body: FinalBody,
    error: Extract<LiveEventBody, { type: 'error' }>['error'] | null,
  ): Promise<'ok' | 'stale' | 'duplicate' | 'gone'> {
    const keys = liveKeys(picked.session);
    return (await runLua(
      this.#redis,
      takeFinal,
      [keys.session, keys.pcm, keys.utterances, keys.events, keys.tries, keys.results],
      [
        picked.planned.utterance,
        picked.fence,
        JSON.stringify(picked.planned),
        JSON.stringify(body),
        body.language ?? '',
        error === null ? '' : JSON.stringify({ error }),
        keys.wake,
      ],
    )) as 'ok' | 'stale' | 'duplicate' | 'gone';
  }

  /** The utterance as far as it goes by now. Null when it has ended, or a newer partial is wanted. */
  async pickUpPartial(session: string, utterance: number, revision: number): Promise<PickedPartial | null> {
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
