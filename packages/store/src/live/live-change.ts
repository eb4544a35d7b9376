import { msToSamples, type LiveEnd, type UtteranceNumber } from '@murmuration/contracts';
import type { TicketPlace } from '../work/ticket-queue.js';
import type { PlannedUtterance } from './live-record.js';

/** What an owner's change adds. Positions are samples of the 16 kHz signal. */
export interface LiveChange {
  /** Unique a change of the session. */
  readonly op: string;
  /** The change before it. */
  readonly after: string;
  readonly fromSamples: number;
  readonly toSamples: number;
  /** Signed 16-bit little endian PCM between them; may be empty. */
  readonly pcm: Uint8Array;
  readonly sourceSamples: number;
  readonly decoder: string | null;
  readonly snapshot: string | null;
  readonly snapshotAtSamples: number;
  readonly keepFromSamples: number;
  readonly open: {
    readonly utterance: UtteranceNumber;
    readonly startSamples: number;
    readonly endSamples: number;
    readonly speechStartSamples: number;
    readonly resting: boolean;
  } | null;
  readonly events: readonly LiveChangeEvent[];
  /** Samples that a partial must gain over the last to be due; 0 for none. */
  readonly partialAfterSamples: number;
  /** The open utterance was dropped: its number may start again. */
  readonly cleared: boolean;
  /** Reason, when nothing comes after this. */
  readonly finish: LiveEnd | null;
  /** True when the time to live is to be renewed. */
  readonly renew: boolean;
}

export type LiveChangeEvent =
  | { readonly type: 'started'; readonly utterance: UtteranceNumber; readonly atMs: number }
  | { readonly type: 'ended'; readonly planned: PlannedUtterance };

/**
 * What became of a change. `lost`: another owner has the session. `gone`: it is closed. `absent`: the store has none, as when it was emptied. `behind`: what came before is not there, as after a failover;
 * the store has the change `op`, and the epoch.
 */
export type ChangeAnswer =
  | { readonly outcome: 'lost' | 'gone' | 'absent' }
  | { readonly outcome: 'behind'; readonly epoch: number; readonly op: string }
  | {
      readonly outcome: 'ok';
      readonly pendingSamples: number;
      readonly partial: number | null;
      /** The ticket that is to be queued, or null. */
      readonly ticket: TicketPlace | null;
      readonly closed: boolean;
    };

/** A partial that was not heard of for this long counts as lost, milliseconds: a worker that died has it. */
const PARTIAL_LOST_MS = 5_000;

/** What `change-live.lua` returns: the outcome and, of one that was taken, what is pending, the partial that is due or -1, the session's state, the ticket and its first item. */
export type ChangeReply = readonly [string, string?, (number | string)?, string?, number?, number?];

/** The change as `change-live.lua` reads it, but for its PCM. @param keepMs the session's new time to live where the change renews it */
export function changeText(change: LiveChange, keepMs: number): string {
  return JSON.stringify({
    op: change.op,
    after: change.after,
    from: change.fromSamples,
    to: change.toSamples,
    source: change.sourceSamples,
    keepFrom: change.keepFromSamples,
    ...(change.decoder === null ? {} : { decoder: change.decoder }),
    ...(change.snapshot === null ? {} : { snapshot: change.snapshot, snapshotAt: change.snapshotAtSamples }),
    ...(change.open === null ? {} : { open: change.open }),
    ...(change.finish === null ? {} : { finish: change.finish }),
    events: change.events.map(eventOf),
    partialAfter: change.partialAfterSamples,
    partialLostMs: PARTIAL_LOST_MS,
    cleared: change.cleared,
    keepMs: change.renew ? keepMs : 0,
  });
}

export function changeAnswerOf([
  outcome,
  pending,
  partial = -1,
  state,
  ticket = 0,
  first = 0,
]: ChangeReply): ChangeAnswer {
  if (outcome === 'behind') return { outcome, epoch: Number(pending), op: String(partial) };
  if (outcome !== 'ok') return { outcome: outcome as 'lost' | 'gone' | 'absent' };
  return {
    outcome,
    pendingSamples: Number(pending),
    partial: Number(partial) < 0 ? null : Number(partial),
    ticket: ticket === 0 ? null : { ticket, first },
    closed: state === 'closed',
  };
}

function eventOf(event: LiveChangeEvent): Readonly<Record<string, unknown>> {
  if (event.type === 'started')
    return {
      type: 'started',
      utterance: event.utterance,
      body: JSON.stringify({ utterance: event.utterance, atMs: event.atMs }),
    };
  const { planned } = event;
  const { utterance, startMs, endMs, by } = planned;
  return {
    type: 'ended',
    utterance,
    body: JSON.stringify({ utterance, startMs, endMs, by }),
    planned: JSON.stringify(planned),
    samples: planned.samples,
    speechSamples: Math.round(msToSamples(endMs - startMs)),
  };
}
